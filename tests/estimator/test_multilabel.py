"""Several topics a document through the estimator: coarse lists teach topics, answers fit each other, refusals."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import f1_score

from hiercls.aggregation import log1mexp
from hiercls.data.rows import Row, make_rows
from hiercls.decoding import climbing_rule_several, least_cost_several, recall_rule, stop_several
from hiercls.errors import ConfigError, DataError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.explain import explain
from hiercls.metrics import ancestor_matrix, score_multilabel
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


def test_coarser_nodes_and_the_cheapest_class_follow_from_the_topics(
    tiny: Taxonomy, trained: HierarchicalTextClassifier
) -> None:
    texts, _ = documents(30, 5)
    topics = trained.predict_log_proba(texts)
    chosen = trained.predict_or_coarsen(texts, threshold=0.6)
    np.testing.assert_array_equal(chosen, stop_several(topics, taxonomy=tiny, threshold=0.6))
    found = trained.predict_least_cost(texts, at="one")
    assert found.tolist() == [
        tiny.view("one").classes[k]
        for k in least_cost_several(trained.predict_log_proba(texts, at="one"), costs=tiny.costs("one"))
    ]


@pytest.fixture(scope="module")
def calibrated(tiny: Taxonomy, trained: HierarchicalTextClassifier) -> HierarchicalTextClassifier:
    """Calibrated on coarse lists of three customers, each with a scaling of its own, too."""
    other = copy.copy(trained)
    texts, topics = documents(300, 8)
    views = [tiny.customers[number % 3] for number in range(len(texts))]
    labels = [coarse(tiny, [held], view)[0] for held, view in zip(topics, views, strict=True)]
    return other.calibrate(texts, labels, views=views, per_customer=True)


def test_calibrated_probabilities_are_what_is_predicted_from_and_still_fit_each_other(
    tiny: Taxonomy, trained: HierarchicalTextClassifier, calibrated: HierarchicalTextClassifier
) -> None:
    texts, topics = documents(300, 9)
    found = calibrated.calibration_.pooled
    assert (found.method, found.n_documents) == ("bias_corrected", 300)
    assert found.temperature < 0.8  # one draw of what is easy: it was not sure enough
    bare = dataclasses.replace(calibrated.scorer_, calibration=None)
    fine, truth = tiny.view("topic"), indicator(tiny, topics, "topic")
    before, after = (
        score_multilabel("topic", scorer.classes(scorer.topics(texts), fine).numpy(), truth)
        for scorer in (bare, calibrated.scorer_)
    )
    assert after.log_loss < before.log_loss
    probabilities = calibrated.predict_proba(texts)
    np.testing.assert_allclose(probabilities, found.apply(bare.topics(texts), task=bare.task).exp(), atol=1e-6)
    for at in ("area", "one"):  # a level has no calibration of its own, a customer has
        view = tiny.view(at)
        inside = calibrated.scorer_.conditioned(calibrated.scorer_.topics(texts), view).exp().numpy()
        expected = [1 - np.prod(1 - inside[:, view.members(name)], axis=1) for name in view.classes]
        np.testing.assert_allclose(calibrated.predict_proba(texts, at=at), np.stack(expected, axis=1), atol=1e-5)
    np.testing.assert_array_equal(calibrated.predict(texts), probabilities >= calibrated.scorer_.task.threshold)
    f1 = [f1_score(truth, model.predict(texts), average="micro") for model in (trained, calibrated)]
    assert f1[1] > f1[0] - 0.03  # the threshold moved with the probabilities


def test_the_threshold_is_that_of_the_held_out_lists_as_each_customer_sees_them(
    tiny: Taxonomy, calibrated: HierarchicalTextClassifier
) -> None:
    texts, topics = documents(300, 8)
    names = [tiny.customers[number % 3] for number in range(len(texts))]

    def f1(threshold: float) -> float:
        hits = found = true = 0
        for name in tiny.customers:
            own = [place for place, view in enumerate(names) if view == name]
            truth = indicator(tiny, [topics[place] for place in own], name)
            chosen = calibrated.predict_proba([texts[place] for place in own], at=name) >= threshold
            hits, found, true = hits + (chosen & (truth == 1)).sum(), found + chosen.sum(), true + truth.sum()
        return 2 * hits / (found + true)

    best = max(f1(threshold) for threshold in np.linspace(0.05, 0.95, 91))
    assert f1(calibrated.scorer_.task.threshold) > best - 0.01


def test_a_calibrated_model_is_saved_and_says_what_is_new(
    calibrated: HierarchicalTextClassifier, tmp_path: Path
) -> None:
    texts, _ = documents(40, 10)
    calibrated.save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(texts, at="one"), calibrated.predict_proba(texts, at="one"))
    assert loaded.scorer_.task == calibrated.scorer_.task
    bare = dataclasses.replace(calibrated.scorer_, calibration=None)
    scores = calibrated.novelty_score(texts)
    np.testing.assert_allclose(scores, -bare.topics(texts).numpy().max(axis=1), rtol=1e-6)
    _, topics = documents(300, 8)
    assert len(loaded.scorer_.novelty.heldout) == sum(bool(held) for held in topics)  # of no topic: no known document
    asked = ["the of", "a1 a2 a3"]
    assert loaded.novelty_score(asked)[0] > loaded.novelty_score(asked)[1]
    rejected = loaded.predict_or_reject([*asked, *texts], at="area", false_alarms=0.1)
    p_values = loaded.scorer_.novelty.p_values(loaded.novelty_score([*asked, *texts]))
    names = loaded.predict_labels([*asked, *texts], at="area")
    assert rejected.tolist() == [None if p <= 0.1 else found for p, found in zip(p_values, names, strict=True)]
    assert rejected[1] == ("X",)


@pytest.mark.parametrize("at", ["topic", "one", "area", "new"])
def test_sets_hold_the_promised_part_of_the_true_classes_from_fine_lists_or_from_a_customer_s_own(
    tiny: Taxonomy, trained: HierarchicalTextClassifier, at: str, tmp_path: Path
) -> None:
    model = copy.copy(trained)
    with pytest.raises(ConfigError, match="nothing can be promised before"):
        model.predict_set(["a1"])
    held, held_topics = documents(300, 15)
    texts, topics = documents(300, 16)
    held = [" ".join(text.split()[1:]) for text in held]  # a word is missing, so that some topics are hard to see
    texts = [" ".join(text.split()[1:]) for text in texts]
    model.conformalize(held, held_topics)
    model.taxonomy_ = tiny.with_customer({"customer": "new", "partial": True, "classes": {"AF": ["A", "F"], "B": "B"}})
    view = model.taxonomy_.view(at)
    truth = indicator(model.taxonomy_, topics, at)
    exact = model.predict_set(texts, at=at, calibrated_at=at, coverage=0.9)
    logs = model.scorer_.topics(held).numpy()
    rule = recall_rule(logs, indicator(model.taxonomy_, held_topics, at), coverage=0.9, view=view)
    np.testing.assert_array_equal(exact, rule.sets(model.scorer_.topics(texts).numpy()))
    kept = [(row & (true > 0)).sum() / true.sum() for row, true in zip(exact, truth, strict=True) if true.any()]
    assert np.mean(kept) > 0.85
    mapped = model.predict_set(texts, at=at, coverage=0.9)
    kept = []
    for row, topics_held in zip(mapped, topics, strict=True):
        known = [name for name in topics_held if view.scope[tiny.topics.index(name)]]
        classes = [[name in view.topics_of(k) for k in view.classes] for name in known]
        kept += [np.mean([row[has].all() for has in classes])] if known else []
    assert np.mean(kept) > 0.85
    model.taxonomy_ = tiny
    if at == "new":
        return
    model.save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_set(texts, at=at, calibrated_at=at, coverage=0.9), exact)


def test_sets_from_coarse_lists_are_exact_at_their_view_and_larger_at_the_topics(
    tiny: Taxonomy, trained: HierarchicalTextClassifier
) -> None:
    held, topics = documents(200, 13)
    names = [("one", "two")[number % 2] for number in range(200)]
    labels = [coarse(tiny, [found], view)[0] for found, view in zip(topics, names, strict=True)]
    fine, rough = copy.copy(trained).conformalize(held, topics), copy.copy(trained)
    rough.conformalize(held, labels, views=names, customers=names)
    asked = {"at": "one", "calibrated_at": "one", "coverage": 0.95, "customers": "one"}
    own = [text for text, name in zip(held, names, strict=True) if name == "one"]
    truth = indicator(tiny, [found for found, name in zip(topics, names, strict=True) if name == "one"], "one")
    rule = recall_rule(trained.scorer_.topics(own).numpy(), truth, coverage=0.95, view=tiny.view("one"))
    np.testing.assert_array_equal(rough.predict_set(held, **asked), rule.sets(trained.scorer_.topics(held).numpy()))
    assert (fine.predict_set(held, coverage=0.95) <= rough.predict_set(held, coverage=0.95)).all()
    truth = indicator(tiny, topics, "topic") @ ancestor_matrix(tiny).toarray() > 0
    logs = trained.scorer_.topics(held).numpy()
    climbing = climbing_rule_several(logs, truth, taxonomy=tiny, accuracy=0.7)
    assert climbing.threshold < 1
    np.testing.assert_array_equal(
        fine.predict_or_coarsen(held, accuracy=0.7), stop_several(logs, taxonomy=tiny, threshold=climbing.threshold)
    )
    for name, ask in {
        "score='aps'": lambda: fine.predict_set(held, score="aps"),
        "predict_nodes": lambda: fine.predict_nodes(held),
    }.items():
        with pytest.raises(ConfigError, match=f"{name} is for one topic a document"):
            ask()


def test_an_explanation_adds_up(tiny: Taxonomy, trained: HierarchicalTextClassifier) -> None:
    text = "a1 the b2 d3 a1"
    own = [Row(text="a1 d2", labels=(("one", "ABC"), ("one", "D"))), Row(text="f1", labels=(("two", "F"),))]
    found = explain(trained, text, at="one", of="ABC", documents=own)
    topics = trained.predict_proba([text])[0].astype(float)
    assert found.probability == pytest.approx(1 - np.prod(1 - topics[:3]), abs=1e-6)
    assert {part.topic: part.probability for part in found.topics} == pytest.approx(
        dict(zip("ABC", topics[:3], strict=True)), abs=1e-6
    )
    doubt = np.log(1 - topics[:3])
    shares = {part.topic: part.share for part in found.topics}
    assert shares == pytest.approx(dict(zip("ABC", doubt / doubt.sum(), strict=True)), abs=1e-4)
    assert [part.share for part in found.topics] == sorted(shares.values(), reverse=True)

    def log_odds(said: str) -> float:
        probability = float(trained.predict_proba([said], at="one")[0, 0])
        return float(np.log(probability) - np.log1p(-probability))

    without = {"a1": " the b2 d3 ", "the": "a1  b2 d3 a1", "b2": "a1 the  d3 a1", "d3": "a1 the b2  a1"}
    effects = {word.word: word.effect for word in found.words}
    expected = {word: log_odds(text) - log_odds(rest) for word, rest in without.items()}
    assert effects == pytest.approx(expected, abs=2e-3)
    assert found.duel is None
    assert [(near.text, near.labels) for near in found.neighbours] == [("a1 d2", ("one:ABC", "one:D"))]
    assert "ABC" in str(found)


def test_a_customer_of_one_class_has_an_explanation_too(trained: HierarchicalTextClassifier, tmp_path: Path) -> None:
    trained.save_pretrained(tmp_path / "model")
    model = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    model.add_customer({"customer": "lone", "classes": {"AF": ["A", "F"]}, "partial": True})
    assert explain(model, "the of", at="lone").probability < 0.5
    assert explain(model, "a1 the", at="lone").words[0].word == "a1"


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


def test_words_say_what_an_encoder_with_little_training_does_not(
    tiny: Taxonomy, untrained: HierarchicalTextClassifier, tmp_path: Path
) -> None:
    texts, topics = documents(360, 0)
    views = [tiny.customers[number % 3] for number in range(len(texts))]
    labels = [coarse(tiny, [held], view)[0] for held, view in zip(topics, views, strict=True)]
    little = TrainingConfig(epochs=2, learning_rate=1e-3, weight_decay=1.0)
    model = clone(untrained).set_params(training=little, lexical=True).fit(texts, labels, views=views)
    new, held = documents(100, 1)
    alone = dataclasses.replace(model.scorer_, lexical=None)
    for at in tiny.views:
        truth = indicator(tiny, held, at)
        assert f1_score(truth, model.predict(new, at=at), average="micro") > 0.75, at
        said, without = (one.classes(one.topics(new), tiny.view(at)) for one in (model.scorer_, alone))
        right = torch.from_numpy(truth).bool()
        losses = [-torch.where(right, logs, log1mexp(logs)).mean() for logs in (said, without)]
        assert losses[0] < 0.8 * losses[1], at
    model.save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert model.scorer_.lexical.bias.any()
    np.testing.assert_array_equal(loaded.predict_proba(new), model.predict_proba(new))
