"""Several topics a document through the estimator: coarse lists teach topics, answers fit each other, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score

from hiercls.data.rows import Row, make_rows
from hiercls.errors import ConfigError, DataError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.multilabel import SeveralTopics
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

TRAINING = TrainingConfig(epochs=60, learning_rate=1e-2, weight_decay=0.1)
HEAD = HeadConfig(hidden=0, dropout=0.0)


def documents(n: int, seed: int) -> tuple[list[str], list[list[str]]]:
    """Texts of none to three topics, each with words of its own."""
    random = np.random.default_rng(seed)
    texts, topics = [], []
    for _ in range(n):
        held = sorted(random.choice(list("ABCDEF"), random.integers(0, 4), replace=False).tolist())
        words = [f"{topic.lower()}{number}" for topic in held for number in random.integers(6, size=3)]
        texts.append(" ".join(random.permutation([*words, "the", "of"])))
        topics.append(held)
    return texts, topics


def coarse(taxonomy: Taxonomy, topics: list[list[str]], at: str) -> list[list[str]]:
    view = taxonomy.view(at)
    return [[name for name in view.classes if set(view.topics_of(name)) & set(held)] for held in topics]


def indicator(taxonomy: Taxonomy, topics: list[list[str]], at: str) -> np.ndarray:
    view = taxonomy.view(at)
    return np.array([[name in held for name in view.classes] for held in coarse(taxonomy, topics, at)], dtype=int)


@pytest.fixture(scope="module")
def untrained(tiny: Taxonomy, tiny_bert: Path) -> HierarchicalTextClassifier:
    return HierarchicalTextClassifier(tiny, task="multilabel", encoder=tiny_bert, max_length=16, head=HEAD,
                                      training=TRAINING, cache=False)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tiny: Taxonomy, untrained: HierarchicalTextClassifier) -> HierarchicalTextClassifier:
    """Trained on three customers' coarse lists alone."""
    texts, topics = documents(360, 0)
    views = [tiny.customers[number % 3] for number in range(len(texts))]
    labels = [coarse(tiny, [held], view)[0] for held, view in zip(topics, views, strict=True)]
    return clone(untrained).fit(texts, labels, views=views)


def test_coarse_lists_teach_the_topics(tiny: Taxonomy, trained: HierarchicalTextClassifier) -> None:
    texts, topics = documents(100, 1)
    for at in tiny.views:
        truth = indicator(tiny, topics, at)
        assert f1_score(truth, trained.predict(texts, at=at), average="micro") > 0.85, at
    assert 0.1 < trained.scorer_.task.threshold < 0.9


def test_predictions_are_indicators_and_their_names_are_what_fit_takes(
    tiny: Taxonomy, trained: HierarchicalTextClassifier
) -> None:
    texts, topics = documents(60, 2)
    predicted, names = trained.predict(texts), trained.predict_labels(texts)
    assert predicted.shape == (60, 6)
    assert set(np.unique(predicted)) == {0, 1}
    assert [[t for t, is_in in zip("ABCDEF", row, strict=True) if is_in] for row in predicted] == [*map(list, names)]
    probable = trained.predict_proba(texts) >= trained.scorer_.task.threshold
    np.testing.assert_array_equal(predicted, probable)
    assert trained.score(texts, names) == 1.0
    right = [list(found) == held for found, held in zip(names, topics, strict=True)]
    assert trained.score(texts, topics) == pytest.approx(np.mean(right))


def test_a_part_is_never_likelier_than_the_whole_at_any_view(
    tiny: Taxonomy, trained: HierarchicalTextClassifier
) -> None:
    texts, _ = documents(60, 3)
    topics = trained.predict_proba(texts)
    for name in tiny.views:
        view = tiny.view(name)
        expected = 1 - np.stack([np.prod(1 - topics[:, view.members(k)], axis=1) for k in view.classes], axis=1)
        for found in (trained.predict_proba(texts, at=name), trained.node_proba(texts, at=name)):
            np.testing.assert_allclose(found, expected, atol=1e-6)
        chosen = trained.predict(texts, at=name)
        assert (chosen[trained.predict(texts).astype(bool).nonzero()[0]].any(axis=1)).all()
    np.testing.assert_allclose(trained.scope_proba(texts, at="one"), 1 - np.prod(1 - topics, axis=1), atol=1e-6)


def test_a_customer_from_yaml_alone_and_a_saved_model(trained: HierarchicalTextClassifier, tmp_path: Path) -> None:
    texts, _ = documents(20, 4)
    trained.save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert loaded.task == "multilabel"
    assert loaded.scorer_.task == trained.scorer_.task
    np.testing.assert_array_equal(loaded.predict_proba(texts), trained.predict_proba(texts))
    loaded.add_customer({"customer": "four", "classes": {"AF": ["A", "F"]}, "partial": True})
    topics = loaded.predict_proba(texts)
    expected = 1 - (1 - topics[:, 0]) * (1 - topics[:, 5])
    np.testing.assert_allclose(loaded.predict_proba(texts, at="four")[:, 0], expected, atol=1e-6)
    with pytest.raises(ConfigError, match="a customer's prior is for one topic a document"):
        loaded.replace_customer({"customer": "four", "classes": {"Z": "rest"}}, prior={"A": 1.0})


@pytest.mark.parametrize("head", [HiagmConfig(node_width=16), HeadConfig(hidden=0, dropout=0.0, feed="none")])
def test_other_heads_learn_topics_from_coarse_lists_too(
    head: HiagmConfig | HeadConfig, tiny: Taxonomy, untrained: HierarchicalTextClassifier, tmp_path: Path
) -> None:
    texts, topics = documents(240, 0)
    views = [tiny.customers[number % 3] for number in range(len(texts))]
    labels = [coarse(tiny, [held], view)[0] for held, view in zip(topics, views, strict=True)]
    model = clone(untrained).set_params(head=head).fit(texts, labels, views=views)
    unseen, held = documents(60, 9)
    assert f1_score(indicator(tiny, held, "topic"), model.predict(unseen), average="micro") > 0.8
    model.save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert loaded.head == head
    np.testing.assert_array_equal(loaded.predict_proba(unseen), model.predict_proba(unseen))


def test_what_is_trained_answers_not_what_is_set(trained: HierarchicalTextClassifier, tmp_path: Path) -> None:
    texts, _ = documents(5, 5)
    before = trained.predict(texts)
    trained.set_params(task="multiclass")
    try:
        np.testing.assert_array_equal(trained.predict(texts), before)
        trained.save_pretrained(tmp_path / "model")
    finally:
        trained.set_params(task="multilabel")
    assert HierarchicalTextClassifier.from_pretrained(tmp_path / "model").task == "multilabel"


def test_an_empty_list_says_that_nothing_holds_and_an_open_one_does_not(
    tiny: Taxonomy, untrained: HierarchicalTextClassifier
) -> None:
    texts = ["a1 a2", "b1 b2", "the of"] * 30
    labels = [["A"], ["B"], []] * 30
    whole = clone(untrained).set_params(validation_fraction=0.0)
    empty = clone(whole).fit(texts, labels)
    assert empty.predict_labels(["a1 a2", "the of"]) == [("A",), ()]
    assert empty.predict_proba(["the of"]).max() < 0.2
    only = make_rows(["a1 a2", "b1 b2"] * 30, [["A"], ["B"]] * 30, complete=False)
    with pytest.warns(UserWarning, match="no class is ever ruled out"):
        open_ended = clone(whole).fit_rows(only)
    assert open_ended.predict_proba(["a1 a2"])[0, 1] > 0.5  # nothing ever said that it is not B


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"task": "many"}, "expected the task to be one of multiclass, multilabel, got 'many'"),
        ({"encoder": None}, "knows no encoder=None"),
        ({"lexical": True}, "knows no lexical=True"),
        ({"head": HeadConfig(composition="path")}, "knows no composition='path'"),
        ({"head": HeadConfig(composition="flat")}, "knows no composition='flat'"),
        ({"head": HeadConfig(logit_adjustment=1.0)}, "knows no logit_adjustment"),
        ({"head": HeadConfig(composition="path", logit_adjustment=1.0)}, "composition='path', no logit_adjustment"),
        ({"priors": {"one": {"A": 1.0}}}, "knows no priors"),
    ],
)
def test_settings_without_a_meaning_are_refused(untrained: HierarchicalTextClassifier, settings, said) -> None:
    with pytest.raises(ConfigError, match=said):
        clone(untrained).set_params(**settings).fit(["a1"], [["A"]])


def test_answers_without_a_meaning_are_refused(trained: HierarchicalTextClassifier) -> None:
    asked = {
        "calibrate": lambda: trained.calibrate(["a1"], ["A"]),
        "predict_or_coarsen": lambda: trained.predict_or_coarsen(["a1"], threshold=0.5),
        "predict_least_cost": lambda: trained.predict_least_cost(["a1"], at="one"),
    }
    for name, ask in asked.items():
        with pytest.raises(ConfigError, match=f"{name} is for one topic a document"):
            ask()


def test_illegal_labels_are_listed_and_contradictions_are_among_them(untrained: HierarchicalTextClassifier) -> None:
    rows = [Row(text="a1", labels=(("one", "D"), ("two", "F"))), Row(text="a1", labels=(("one", "Q"),))]
    with pytest.raises(DataError, match="no topic is left of 'one:D', 'two:F'") as caught:
        clone(untrained).fit_rows(rows)
    assert len(caught.value.problems) == 2


def test_warm_start_keeps_to_its_task(trained: HierarchicalTextClassifier) -> None:
    texts, topics = documents(60, 6)
    trained.set_params(task="multiclass", warm_start=True)
    try:
        with pytest.raises(ConfigError, match="other levels, topics or task"):
            trained.fit(["a1"], ["A"])
    finally:
        trained.set_params(task="multilabel", warm_start=False)
    assert isinstance(trained.scorer_.task, SeveralTopics)
    assert len(trained.predict_labels(texts)) == len(topics)


def test_names_are_given_with_one_topic_a_document_too(tiny: Taxonomy, tiny_documents, tiny_bert: Path) -> None:
    texts, topics = tiny_documents
    classifier = HierarchicalTextClassifier(tiny, encoder=tiny_bert, max_length=16, head=HEAD, training=TRAINING,
                                            lexical=False, cache=False).fit(texts, topics)  # fmt: skip
    assert classifier.predict_labels(texts, at="one") == [(name,) for name in classifier.predict(texts, at="one")]


def test_the_encoder_is_trained_too(tiny: Taxonomy, untrained: HierarchicalTextClassifier) -> None:
    texts, topics = documents(60, 7)
    training = TrainingConfig(epochs=1, weight_decay=0.1, teacher_forcing=1.0)
    tuned = clone(untrained).set_params(tune="all", training=training).fit(texts, topics)
    before = untrained.build_engine().encoder.state_dict()
    after = tuned.scorer_.engine.encoder.state_dict()
    assert any((after[name] != before[name]).any() for name in before)
    assert tuned.predict(texts).shape == (60, 6)
