"""Settings in YAML: what they become, and everything that is wrong with them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hiercls.errors import SettingsError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.settings import KEYS, SECTIONS, read_settings, settings_yaml
from hiercls.model.encoder import EncoderConfig
from hiercls.model.heads import HeadConfig
from hiercls.model.terms import LexicalConfig
from hiercls.training.config import TrainingConfig

FILE = """
encoder: {pooling: cls, max_length: 128}
head:
  hidden: 64
  composition: path
lexical: {max_words: 2}
training:
  epochs: 3
  learning_rate: 1.0e-3
tune: last-2
priors: {one: {A: 0.5, D: 0.5}}
"""


def test_a_file_becomes_settings_and_settings_a_file(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(FILE, encoding="utf-8")
    settings = read_settings(tmp_path / "settings.yaml")
    assert settings == {
        "encoder": EncoderConfig(pooling="cls", max_length=128),
        "head": HeadConfig(hidden=64, composition="path"),
        "lexical": LexicalConfig(max_words=2),
        "training": TrainingConfig(epochs=3, learning_rate=1e-3),
        "tune": "last-2",
        "priors": {"one": {"A": 0.5, "D": 0.5}},
    }
    assert read_settings(settings_yaml(settings)) == settings
    assert read_settings("encoder: null\nlexical: true") == {"encoder": None, "lexical": True}


def test_every_key_is_a_parameter_of_the_estimator() -> None:
    named = set(HierarchicalTextClassifier("{hiercls: 1, levels: [t], topics: [A]}").get_params())
    assert {*SECTIONS, *KEYS} <= named


def test_all_problems_are_said_at_once_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "heads: {hidden: 3}\n"
        "head: {hiden: 3, dropout: much}\n"
        "training: {epochs: 0}\n"
        "tune: 3\n"
        "lexical: {max_words: 0}\n"
        "task: both\n",
        encoding="utf-8",
    )
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / "bad.yaml")
    said = [str(problem).removeprefix(f"{tmp_path}/bad.yaml:") for problem in caught.value.problems]
    for start, part in (
        ("1:1: at heads: unknown key 'heads'", "did you mean 'head'?"),
        ("2:8: at head.hiden: unknown key 'hiden'", "did you mean 'hidden'?"),
        ("2:27: at head.dropout: expected a valid number", "got 'much'"),
        ("3:1: at training: ", "epochs >= 1"),
        ("4:7: at tune: expected a valid string", "got a number (3)"),
        ("5:1: at lexical: ", "whole numbers >= 1"),
        ("6:7: at task: expected 'multiclass' or 'multilabel'", "got 'both'"),
    ):
        assert any(line.startswith(start) and part in line for line in said), (start, said)
    assert len(said) == 7


@pytest.mark.parametrize(("text", "part"), [("- a\n", "expected a mapping of settings, got a list"),
                                           ("training: 3\n", "expected a mapping, got a number (3)"),
                                           ("a: [1\n", "close the list")])  # fmt: skip
def test_what_is_no_mapping_is_a_problem_too(text: str, part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(text)
    assert part in str(caught.value)
