"""Texts in other words: what each change may touch, and that it is drawn anew from its seed alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiercls.errors import ConfigError
from hiercls.study.strategies.changes import (
    PART,
    crop,
    delete,
    mask_filling,
    swap,
    synonym_replacement,
    word_replacement,
)

WORDS = [f"w{chr(97 + number)}" for number in range(20)] * 10
TEXT = " ".join(WORDS)


@pytest.fixture(scope="module")
def masked(tiny_bert):
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertForMaskedLM(BertConfig.from_pretrained(tiny_bert))
    return AutoTokenizer.from_pretrained(tiny_bert), model


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_swap_keeps_the_words_and_moves_some():
    changed = swap(TEXT, random())
    assert sorted(changed.split()) == sorted(WORDS)
    assert changed != TEXT
    assert changed == swap(TEXT, random())
    assert swap("", random()) == ""


def test_deletion_leaves_a_part_out_and_never_all():
    left = len(delete(TEXT, random()).split())
    assert left == pytest.approx((1 - PART) * len(WORDS), rel=0.1)
    assert all(delete("one", random(seed)) == "one" for seed in range(20))
    assert delete("", random()) == ""


def test_a_crop_is_seven_tenths_in_a_row_from_anywhere():
    text = " ".join(map(str, range(100)))
    crops = {crop(text, random(seed)) for seed in range(10)}
    assert all(len(one.split()) == 70 and one in text for one in crops)
    assert len(crops) > 5
    assert crop("", random()) == ""


def test_word_replacement_spares_the_words_that_say_most():
    texts = [f"the of and to in a is it rare{letter}" for letter in "bcdefgh"]
    change = word_replacement(texts)
    found = [change(texts[0], random(seed)) for seed in range(60)]
    assert all("rareb" in one.split()[-1] for one in found)
    replaced = np.mean([sum(a != b for a, b in zip(one.split(), texts[0].split(), strict=True)) for one in found])
    assert replaced == pytest.approx(9 * PART, rel=0.5)
    assert change("", random()) == ""


def test_synonyms_are_whole_words_near_in_the_embeddings(masked):
    tokenizer, _ = masked
    vocabulary = tokenizer.get_vocab()
    words = [name for name in vocabulary if name.isalpha()]
    embeddings = torch.eye(len(vocabulary))
    embeddings[vocabulary["of"]] = embeddings[vocabulary["the"]] + 0.1
    changed = synonym_replacement(tokenizer, embeddings)("the " * 200, random()).split()
    share = np.mean([word != "the" for word in changed])
    assert share == pytest.approx(PART, rel=0.4)
    assert set(changed) <= set(words)


def test_masks_are_filled_by_the_models_likeliest_and_special_tokens_are_not(masked):
    tokenizer, model = masked
    with torch.no_grad():
        model.cls.predictions.bias[tokenizer.convert_tokens_to_ids("f0")] = 100.0
    text = " ".join(["a0", "b1", "c2", "d3"] * 10)
    changed = mask_filling(tokenizer, model)(text, random()).split()
    others = [(new, old) for new, old in zip(changed, text.split(), strict=True) if new != old]
    assert 0 < len(others) < 15
    assert {new for new, _ in others} == {"f0"}


def test_an_encoder_without_a_mask_fills_none(masked):
    class Maskless:
        mask_token_id = None

    with pytest.raises(ConfigError, match="mask token"):
        mask_filling(Maskless(), masked[1])
