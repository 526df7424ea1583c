"""Fixtures of the tiny world: six topics under two areas, three customers, and a BERT that fits in a hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from hiercls.taxonomy import Taxonomy, shipped


@pytest.fixture(scope="session")
def tiny() -> Taxonomy:
    """The tiny world of ``taxonomies/tiny.yaml``."""
    return Taxonomy.from_yaml(shipped("tiny"))


@pytest.fixture(scope="session")
def tiny_documents() -> tuple[list[str], list[str]]:
    """96 short texts and their topics: each has words of its topic, and words of all."""
    random = np.random.default_rng(0)
    topics = ["ABCDEF"[number % 6] for number in range(96)]
    texts = []
    for topic in topics:
        own = [f"{topic.lower()}{word}" for word in random.integers(6, size=random.integers(2, 6))]
        common = random.choice(["the", "of", "and"], size=random.integers(1, 5)).tolist()
        texts.append(" ".join(random.permutation([*own, *common])))
    return texts, topics


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of two layers of width 16, random weights, and the words of ``tiny_documents``.

    Words of one letter are alike, so that a head on the frozen encoder can learn the topics.
    """
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer
    from transformers.utils import logging

    folder = tmp_path_factory.mktemp("encoders") / "tiny-bert"
    folder.mkdir()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, *(f"{letter}{number}" for letter in "abcdef" for number in range(6)), "the", "of", "and", "##s"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.15,
    )
    logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = BertModel(config)
        letters = torch.randn(6, 16).repeat_interleave(6, dim=0)
        model.embeddings.word_embeddings.weight[5 : 5 + 36] += letters
        model.save_pretrained(folder)
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    logging.enable_progress_bar()
    return folder


@st.composite
def drawn_worlds(draw: st.DrawFn, *, tree: bool) -> Taxonomy:
    """One to three levels, ragged at times; on a DAG nodes may have several parents. A partition and an overlap."""
    topics = [f"t{number}" for number in range(draw(st.integers(2, 6)))]
    names, below, shared = topics, dict.fromkeys(topics), []
    for prefix in draw(st.sampled_from(["", "a", "ab"])):
        parents: dict[str, dict[str, Any]] = {}
        for node in names:
            above = draw(st.sets(st.integers(0, 2), min_size=1, max_size=1 if tree else 2))
            for place, number in enumerate(sorted(above)):
                parents.setdefault(f"{prefix}{number}", {})[node] = None if place else below[node]
            shared += [node] if len(above) > 1 else []
        names, below = list(parents), parents
    if names != topics and draw(st.booleans()):
        below, topics = {**below, "alone": None}, [*topics, "alone"]
    depth = 1 if names == topics else 1 + len(names[0].rstrip("012")) + ("b" in names[0])
    classes: dict[str, dict[str, list[str]]] = {"parts": {}, "overlap": {}}
    for topic in topics:
        classes["parts"].setdefault(f"K{draw(st.integers(0, 2))}", []).append(topic)
        for number in draw(st.sets(st.integers(0, 2), min_size=1, max_size=2)):
            classes["overlap"].setdefault(f"K{number}", []).append(topic)
    return Taxonomy.from_dict(
        {"hiercls": 1, "levels": ["root", "area", "topic"][-depth:], "topics": below, "multi_parent": shared,
         "customers": {"parts": classes["parts"], "overlap": {"overlapping": True, "classes": classes["overlap"]}}}
    )  # fmt: skip


@pytest.fixture(scope="session")
def worlds() -> Callable[..., st.SearchStrategy[Taxonomy]]:
    """Makes hypothesis think up taxonomies: ``data.draw(worlds(tree=False))``."""
    return drawn_worlds
