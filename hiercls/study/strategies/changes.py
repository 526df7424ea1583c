"""A document in other words that should mean the same: what is called augmentation.

Every change is a function of a text and a random generator. Knows texts; an encoder's tokens where it says so; no
class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from hiercls.errors import ConfigError

PART = 0.15
"""The part of a text's words that is changed."""

N_NEIGHBOURS = 5
"""Words from which a synonym is drawn, and tokens from which a mask is filled."""

KEPT = 0.7
"""The part of a text that a crop keeps."""

Change = Callable[[str, np.random.Generator], str]
"""Makes another text of one."""

_WORD = re.compile(r"[^\W\d_]+")


def swap(text: str, random: np.random.Generator) -> str:
    """Exchange words, at random.

    Args:
        text: A text.
        random: Draws which.

    Returns:
        The same words in another order.

    Example:
        >>> sorted(swap("the old car", np.random.default_rng(0)).split())
        ['car', 'old', 'the']

    Source:
        Wei and Zou, "EDA", EMNLP 2019.
    """
    words = text.split()
    for _ in range(_n_changed(words)):
        left, right = random.integers(len(words), size=2)
        words[left], words[right] = words[right], words[left]
    return " ".join(words)


def delete(text: str, random: np.random.Generator) -> str:
    """Leave words out, at random; one stays.

    Args:
        text: A text.
        random: Draws which.

    Returns:
        Fewer words.

    Source:
        Wei and Zou, "EDA", EMNLP 2019.
    """
    words = text.split()
    kept = [word for word in words if random.random() >= PART]
    return " ".join(kept or words[:1])


def crop(text: str, random: np.random.Generator) -> str:
    """Keep words in a row that begin anywhere.

    Args:
        text: A text.
        random: Draws where.

    Returns:
        Seven tenths of its words.

    Example:
        >>> crop("one two three four five", np.random.default_rng(0)) in "one two three four five"
        True
    """
    words = text.split()
    size = max(1, round(KEPT * len(words)))
    start = int(random.integers(len(words) - size + 1)) if words else 0
    return " ".join(words[start : start + size])


def word_replacement(texts: Sequence[str]) -> Change:
    """Replaces words that say little of their text by others that say little of any: those that say much stay.

    A word's chance is ``∝ max TF-IDF of the text − TF-IDF of the word``, fifteen words of a hundred on average; what it
    is replaced by is drawn by ``max S − S(w)``, S the sum of a word's TF-IDF over all texts.

    Args:
        texts: Texts that tell what words say; the customer's own, or others of its kind.

    Returns:
        The change.

    Source:
        Xie et al., "Unsupervised data augmentation", NeurIPS 2020, appendix B.
    """
    vectorizer = TfidfVectorizer(token_pattern=_WORD.pattern)
    scores = np.asarray(vectorizer.fit_transform(texts).sum(axis=0)).ravel()
    names = vectorizer.get_feature_names_out()
    dull = scores.max() - scores + 1e-9
    dull /= dull.sum()

    def change(text: str, random: np.random.Generator) -> str:
        row = vectorizer.transform([text])
        told = {names[column]: value for column, value in zip(row.indices, row.data, strict=True)}
        found = [told.get(match.group().lower(), 0.0) for match in _WORD.finditer(text)]
        little = max(found, default=0.0) - np.array(found)
        chances = iter(np.minimum(PART * little / max(little.mean(), 1e-9), 1.0) if len(found) else ())

        def other(match: re.Match[str]) -> str:
            return str(random.choice(names, p=dull)) if random.random() < next(chances) else match.group()

        return _WORD.sub(other, text)

    return change


def synonym_replacement(tokenizer: Any, embeddings: torch.Tensor) -> Change:
    """Replaces words by near ones: whole words among the five nearest in an encoder's token embeddings, by cosine.

    Args:
        tokenizer: The encoder's tokenizer.
        embeddings: Its token embeddings, shape (n_tokens, width).

    Returns:
        The change.
    """
    vocabulary = {name: place for name, place in tokenizer.get_vocab().items() if _WORD.fullmatch(name)}
    names, places = list(vocabulary), list(vocabulary.values())
    vectors = torch.nn.functional.normalize(embeddings.detach().float()[places], dim=1)
    order = {name: row for row, name in enumerate(names)}

    def change(text: str, random: np.random.Generator) -> str:
        def other(match: re.Match[str]) -> str:
            word = match.group().lower()
            if word not in order or random.random() >= PART:
                return match.group()
            likeness = vectors @ vectors[order[word]]
            likeness[order[word]] = -torch.inf
            near = likeness.topk(min(N_NEIGHBOURS, len(names) - 1)).indices.tolist()
            return names[int(random.choice(near))] if near else match.group()

        return _WORD.sub(other, text)

    return change


def mask_filling(tokenizer: Any, model: Any) -> Change:
    """Replaces tokens by what a masked language model puts in their place, drawn from its five likeliest.

    Args:
        tokenizer: The model's tokenizer.
        model: A `transformers` model with a head for masked tokens.

    Returns:
        The change; it reads a text as far as the model does.

    Raises:
        ConfigError: If the tokenizer has no mask.
    """
    if tokenizer.mask_token_id is None:
        raise ConfigError("expected a tokenizer with a mask token: this encoder was not taught to fill masks")
    special = set(tokenizer.all_special_ids)

    def change(text: str, random: np.random.Generator) -> str:
        limit = model.config.max_position_embeddings
        ids = tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")["input_ids"]
        open_ = [place for place, one in enumerate(ids[0].tolist()) if one not in special]
        masked = [place for place in open_ if random.random() < PART]
        if not masked:
            return text
        before, ids = ids.clone(), ids.clone()
        ids[0, masked] = tokenizer.mask_token_id
        with torch.no_grad():
            logits = model.eval()(input_ids=ids).logits[0]
        logits[:, list(special)] = -torch.inf
        for place in masked:
            likely = logits[place].topk(N_NEIGHBOURS)
            chances = likely.values.double().softmax(dim=0).numpy()
            before[0, place] = int(random.choice(likely.indices.numpy(), p=chances))
        return str(tokenizer.decode(before[0], skip_special_tokens=True))

    return change


def _n_changed(words: Sequence[str]) -> int:
    """How many of the words are changed: at least one, where there are any."""
    return max(1, round(PART * len(words))) if words else 0
