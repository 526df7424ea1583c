"""Models that earlier versions saved load, and answer as they did; they are never made again.

``first`` is of the first version that saved any: a trained encoder, a cascade, no kind of head, no words. ``words`` is
of the first with words alone. ``extended`` is calibrated, with held-out documents and a customer that was added.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hiercls.errors import ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier

SAVED = Path(__file__).parents[1] / "saved"
NAMES = sorted(path.name for path in SAVED.iterdir() if path.is_dir())


def test_there_are_models_of_three_times():
    assert NAMES == ["extended", "first", "words"]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_an_earlier_version_answers_as_it_did(name, tmp_path):
    model = HierarchicalTextClassifier.from_pretrained(SAVED / name)
    expected = json.loads((SAVED / f"{name}.json").read_text())
    for view, probabilities in expected["probabilities"].items():
        np.testing.assert_allclose(model.predict_proba(expected["texts"], at=view), probabilities, atol=1e-4)
    model.save_pretrained(tmp_path / "again")
    again = HierarchicalTextClassifier.from_pretrained(tmp_path / "again")
    np.testing.assert_allclose(again.predict_proba(expected["texts"]), expected["probabilities"]["topic"], atol=1e-4)


def test_a_model_of_a_later_version_says_what_to_do(tmp_path):
    folder = Path(shutil.copytree(SAVED / "words", tmp_path / "later"))
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"format": 2}))
    with pytest.raises(ModelFolderError, match="format 2, this hiercls reads 1; upgrade hiercls, or save it again"):
        HierarchicalTextClassifier.from_pretrained(folder)
