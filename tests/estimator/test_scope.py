"""Documents of no known topic, at the estimator: rejected at a stated rate, saved with the model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from hiercls.errors import ConfigError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.heads import HeadConfig
from hiercls.model.terms import LexicalConfig
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

Documents = tuple[list[str], list[str]]
KNOWN = "{hiercls: 1, levels: [area, topic], topics: {X: [A, B, C], Y: [D]}, customers: {one: {AB: [A, B], CD: rest}}}"
QUICK = TrainingConfig(epochs=20, batch_size=16, learning_rate=0.03, weight_decay=0.01)
BRANCHES = {"both": True, "encoder": False, "words": None}


@pytest.fixture(scope="module", params=BRANCHES)
def model(request: pytest.FixtureRequest, tiny_bert: Path, tiny_documents: Documents) -> Any:
    """Trained on half of the documents of A to D, some of them coarse, and calibrated on the others."""
    encoder = None if request.param == "words" else str(tiny_bert)
    classifier = HierarchicalTextClassifier(
        Taxonomy.from_yaml(KNOWN), encoder=encoder, max_length=16, training=QUICK, precision="float32", cache=False,
        lexical=BRANCHES[request.param] and LexicalConfig(min_customers=1), head=HeadConfig(hidden=8, dropout=0.1),
    )  # fmt: skip
    known = [(text, topic) for text, topic in zip(*tiny_documents, strict=True) if topic in "ABCD"]
    texts, topics = zip(*known, strict=True)
    labels = [topic if number % 3 else {"A": "one:AB", "B": "one:AB", "C": "one:CD", "D": "one:CD"}[topic]
              for number, topic in enumerate(topics)]  # fmt: skip
    half = len(texts) // 2
    return classifier.fit(texts[:half], labels[:half]).calibrate(texts[half:], labels[half:])


def test_false_alarms_and_finds(model: HierarchicalTextClassifier, tiny_documents: Documents) -> None:
    texts, topics = map(np.array, tiny_documents)
    known = np.isin(topics, list("ABCD"))
    heldout = texts[known][known.sum() // 2 :]
    answers = model.predict_or_reject(heldout, at="area", false_alarms=0.1)
    rejected = np.array([answer is None for answer in answers])
    assert rejected.mean() <= 0.1  # the very documents that the threshold is from
    np.testing.assert_array_equal(answers[~rejected], model.predict(heldout, at="area")[~rejected])
    scores = model.novelty_score(texts)
    assert np.mean(scores[~known][:, None] > scores[known]) > 0.8  # AUROC of what was never seen


def test_the_score_is_the_likeliest_ratio_of_encoding_and_words(
    model: HierarchicalTextClassifier, tiny_documents: Documents
) -> None:
    texts, scorer = tiny_documents[0][:7], model.scorer_
    if scorer.engine is None or scorer.novelty.density is None:
        uncalibrated = dataclasses.replace(scorer, calibration=None)
        expected = -uncalibrated.topics(texts).max(dim=1).values.numpy()
    else:
        fit = scorer.novelty.density.log_ratios(scorer.engine.encode(texts))
        if scorer.lexical is not None:
            words = scorer.lexical.terms.features(texts).toarray() @ scorer.lexical.term_weights
            fit = fit + words - words.mean(axis=1)[:, None]
        expected = -logsumexp(fit, axis=1)
    np.testing.assert_allclose(model.novelty_score(texts), expected, rtol=1e-5, atol=1e-5)


def test_a_saved_model_rejects_the_same(
    model: HierarchicalTextClassifier, tiny_documents: Documents, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path / "m")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "m")
    np.testing.assert_allclose(
        loaded.novelty_score(tiny_documents[0]), model.novelty_score(tiny_documents[0]), rtol=1e-6
    )
    np.testing.assert_array_equal(loaded.scorer_.novelty.heldout, model.scorer_.novelty.heldout)
    before, after = (one.predict_or_reject(tiny_documents[0], false_alarms=0.2) for one in (model, loaded))
    assert before.tolist() == after.tolist()


def test_without_calibration_nothing_is_rejected_at_any_rate(tiny: Taxonomy, tiny_documents: Documents) -> None:
    words = HierarchicalTextClassifier(tiny, encoder=None).fit(*tiny_documents)
    assert np.isfinite(words.novelty_score(["", "unheard of"])).all()
    with pytest.raises(ConfigError, match="calibrate"):
        words.predict_or_reject(["a0"])


def test_a_model_of_before_novelty_still_predicts_and_calibrates(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    model = HierarchicalTextClassifier(tiny, encoder=tiny_bert, max_length=16, training=QUICK, lexical=False)
    model.fit(*tiny_documents).save_pretrained(tmp_path / "m")
    weights = load_file(tmp_path / "m" / "model.safetensors")

    def rewrite(kept: dict[str, Any]) -> None:
        import hashlib

        save_file(kept, tmp_path / "m" / "model.safetensors")
        settings = json.loads((tmp_path / "m" / "config.json").read_text())
        content = (tmp_path / "m" / "model.safetensors").read_bytes()
        settings["sha256"]["model.safetensors"] = hashlib.sha256(content).hexdigest()
        (tmp_path / "m" / "config.json").write_text(json.dumps(settings))

    rewrite({name: value for name, value in weights.items() if not name.startswith("novelty.")})
    older = HierarchicalTextClassifier.from_pretrained(tmp_path / "m").calibrate(*tiny_documents)
    assert older.predict(["a0"]).tolist() == model.predict(["a0"]).tolist()
    with pytest.raises(ConfigError, match="fit it again"):
        older.novelty_score(["a0"])
    rewrite({**weights, "novelty.means": weights["novelty.means"][:2]})
    with pytest.raises(ModelFolderError, match="densities of 6 topics"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "m")


def test_a_tuned_encoder_has_densities_of_its_own(tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents) -> None:
    quick = TrainingConfig(epochs=1, batch_size=16, weight_decay=0.01)
    tuned = HierarchicalTextClassifier(
        tiny, encoder=tiny_bert, max_length=16, tune="all", training=quick, lexical=False
    )
    scorer = tuned.fit(*tiny_documents).scorer_
    assert scorer.engine is not None
    assert scorer.novelty.density is not None
    centre = scorer.engine.encode(tiny_documents[0]).mean(axis=0)
    np.testing.assert_allclose(scorer.novelty.density.centre, centre, atol=1e-4)
