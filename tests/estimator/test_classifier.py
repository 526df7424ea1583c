"""The scikit-learn face: everything that a user may give it, and what comes back."""

from __future__ import annotations

import copy
import pickle
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from hiercls.errors import ConfigError, DataError, InputTypeError, TaxonomyError, TrainingError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.losses import CascadeLoss, cascade_loss
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.targets import TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

Documents = tuple[list[str], list[str]]
Make = Callable[..., HierarchicalTextClassifier]
QUICK = TrainingConfig(epochs=10, batch_size=16, learning_rate=0.03, weight_decay=0.01)
ADJUSTED_PATH = HeadConfig(composition="path", logit_adjustment=1.0)
PART = {"customer": "part", "partial": True, "classes": {"AB": ["A", "B"], "D": "D"}}
OVER = {"customer": "over", "overlapping": True, "classes": {"ABC": ["A", "B", "C"], "B": "B", "CDEF": list("CDEF")}}


@pytest.fixture(scope="module")
def make(tiny: Taxonomy, tiny_bert: Path) -> Make:
    """An estimator on the tiny BERT that trains in a blink."""

    def build(taxonomy: Any = tiny, **settings: Any) -> HierarchicalTextClassifier:
        defaults = {
            "encoder": str(tiny_bert),
            "max_length": 16,
            "precision": "float32",
            "lexical": False,
            "training": QUICK,
            "head": HeadConfig(hidden=32, dropout=0.1),
        }
        return HierarchicalTextClassifier(taxonomy, **(defaults | settings))

    return build


@pytest.fixture(scope="module")
def coarse(tiny: Taxonomy, tiny_documents: Documents) -> tuple[list[str], list[str], list[str]]:
    """The documents dealt to the customers, each with its own class: texts, labels, views."""
    texts, topics = tiny_documents
    views = [tiny.customers[number % 3] for number in range(len(texts))]
    rng = np.random.default_rng(0)
    views = [views[position] for position in rng.permutation(len(views))]
    return texts, [class_of(tiny, view, topic) for view, topic in zip(views, topics, strict=True)], views


def class_of(taxonomy: Taxonomy, view: str, topic: str) -> str:
    return next(name for name in taxonomy.view(view).classes if topic in taxonomy.view(view).topics_of(name))


@pytest.fixture(scope="module")
def trained(make: Make, coarse: tuple[list[str], list[str], list[str]]) -> HierarchicalTextClassifier:
    texts, labels, views = coarse
    return make().fit(texts, labels, views=views)


# ----------------------------------------------------------------------------------------------- what it learns


def test_coarse_labels_of_all_customers_teach_fine_topics(
    trained: HierarchicalTextClassifier, tiny_documents: Documents, tiny: Taxonomy
) -> None:
    texts, topics = tiny_documents
    assert np.mean(trained.predict(texts) == np.array(topics)) > 0.9
    for view in tiny.views:
        expected = [class_of(tiny, view, topic) for topic in topics]
        assert np.mean(trained.predict(texts, at=view) == np.array(expected)) > 0.9
        assert trained.score(texts, expected, views=view) > 0.9


def test_probabilities_have_the_view_s_columns_and_are_sums_of_the_topics(
    trained: HierarchicalTextClassifier, tiny_documents: Documents, tiny: Taxonomy
) -> None:
    texts = tiny_documents[0][:10]
    topics = trained.predict_proba(texts)
    for name in tiny.views:
        view = tiny.view(name)
        found = trained.predict_proba(texts, at=name)
        assert found.shape == (10, len(view.classes))
        np.testing.assert_allclose(found, topics @ view.weights.toarray(), atol=1e-6)
        np.testing.assert_allclose(np.exp(trained.predict_log_proba(texts, at=name)), found)
        assert (trained.predict(texts, at=name) == np.array(view.classes)[found.argmax(axis=1)]).all()
    assert trained.classes_.tolist() == list("ABCDEF")
    assert (trained.predict(texts) == trained.predict(texts, at="topic")).all()


def test_many_views_at_once_are_each_alone(
    trained: HierarchicalTextClassifier, tiny: Taxonomy, tiny_documents: Documents
) -> None:
    texts = tiny_documents[0][:9]
    found = trained.predict_proba_many(texts, at=tiny.views)
    assert list(found) == list(tiny.views)
    for name, probabilities in found.items():
        np.testing.assert_allclose(probabilities, trained.predict_proba(texts, at=name), atol=1e-6)


def test_empty_texts_are_answered_and_no_text_has_no_row(trained: HierarchicalTextClassifier) -> None:
    assert trained.predict_proba(["", " "]).shape == (2, 6)
    assert np.isfinite(trained.predict_log_proba([""])).all()
    assert trained.predict([]).shape == (0,)
    assert trained.predict_proba([], at="one").shape == (0, 3)
    assert trained.scope_proba([], at="one").shape == (0,)


@pytest.mark.parametrize("composition", ["topic", "path"])
@pytest.mark.parametrize(
    "data",
    [
        {"levels": ["topic"], "topics": list("ABCDEF")},
        {"levels": ["area", "group", "topic"], "topics": {"X": {"X1": ["A", "B"], "X2": ["C"]}, "D": None, "Y": ["E"],
                                                          "F": None}},
        {"levels": ["area", "topic"], "topics": {"X": list("ABCD"), "Y": list("DEFA")}, "multi_parent": ["A", "D"]},
    ],
    ids=["one level", "ragged", "dag"],
)  # fmt: skip
def test_any_shape_of_hierarchy_is_learnt(
    data: dict[str, Any], composition: Any, make: Make, tiny_documents: Documents
) -> None:
    texts, topics = tiny_documents
    taxonomy = Taxonomy.from_dict({"hiercls": 1, **data})
    head = HeadConfig(hidden=32, dropout=0.0, composition=composition)
    training = TrainingConfig(epochs=15, batch_size=16, learning_rate=0.03, weight_decay=0.0, teacher_forcing=0.5)
    model = make(taxonomy, head=head, training=training, validation_fraction=0.0).fit(texts, topics)
    assert model.score(texts, topics) > 0.9
    topics_proba = model.predict_proba(texts[:9])
    for level in taxonomy.levels:
        view = taxonomy.view(level)
        np.testing.assert_allclose(
            model.predict_proba(texts[:9], at=level), topics_proba @ view.weights.toarray(), atol=1e-6
        )
        nodes = model.node_proba(texts[:9], at=level)
        np.testing.assert_allclose(nodes, topics_proba @ view.membership.toarray(), atol=1e-6)


# ---------------------------------------------------------------------------------------------- what it is given


@pytest.mark.parametrize(
    "wrap", [list, tuple, np.array, pd.Series, iter, lambda texts: pd.Series(texts, index=range(7, 7 + len(texts)))]
)
def test_texts_and_labels_may_come_in_anything_that_can_be_walked(
    wrap: Callable[[list[str]], Any], make: Make, coarse: tuple[list[str], list[str], list[str]],
    trained: HierarchicalTextClassifier,
) -> None:  # fmt: skip
    texts, labels, views = coarse
    model = make().fit(wrap(texts), wrap(labels), views=wrap(views))
    np.testing.assert_array_equal(model.predict_proba(wrap(texts)), trained.predict_proba(texts))


def test_a_label_may_name_its_view(
    make: Make, coarse: tuple[list[str], list[str], list[str]], trained: HierarchicalTextClassifier
) -> None:
    texts, labels, views = coarse
    written = [f"{view}:{label}" for view, label in zip(views, labels, strict=True)]
    model = make().fit(texts, written)
    np.testing.assert_array_equal(model.predict_proba(texts), trained.predict_proba(texts))
    assert model.score(texts, written) == trained.score(texts, labels, views=views)


def test_several_labels_on_a_document_mean_their_intersection(make: Make, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    meeting = {topic: ["one:" + k, "two:" + j] for topic, k, j in
               [("A", "ABC", "A"), ("B", "ABC", "BC"), ("C", "ABC", "BC"), ("D", "D", "DE"), ("E", "EF", "DE"),
                ("F", "EF", "F")]}  # fmt: skip
    with pytest.warns(UserWarning, match="rank 5 of 6.*every view groups 'B', 'C' alike"):
        model = make().fit(texts, [meeting[topic] for topic in topics])
    found = model.predict(texts)
    assert np.mean([one == topic for one, topic in zip(found, topics, strict=True) if topic not in "BC"]) > 0.9
    assert model.score(texts, [meeting[topic] for topic in topics]) > 0.9


def test_customers_may_be_given_beside_views(make: Make, tiny_documents: Documents, tiny: Taxonomy) -> None:
    """A document of customer two that is labelled with its topic: the customer's weight holds, the label is fine."""
    texts, topics = tiny_documents
    seen: list[list[str]] = []
    with pytest.MonkeyPatch.context() as patch:
        from hiercls.estimator import fitting

        real = fitting.CustomerSampler

        def watch(groups: np.ndarray, **settings: Any) -> Any:
            seen.append(groups.tolist())
            return real(groups, **settings)

        patch.setattr(fitting, "CustomerSampler", watch)
        make(training=TrainingConfig(epochs=1, weight_decay=0.0)).fit(texts, topics, customers="two")
        views = ["topic", "one"] * 48
        labels = [class_of(tiny, view, topic) for view, topic in zip(views, topics, strict=True)]
        make(training=TrainingConfig(epochs=1, weight_decay=0.0)).fit(
            texts, labels, views=views, customers=[None, "three"] * 48
        )
        make(training=TrainingConfig(epochs=1, weight_decay=0.0)).fit(
            texts,
            [
                [f"area:{class_of(tiny, 'area', topic)}", f"two:{class_of(tiny, 'two', topic)}", topic]
                for topic in topics
            ],
        )
    assert set(seen[0]) == {"two"}
    assert seen[1][:4] == ["topic", "three", "topic", "three"]
    assert set(seen[2]) == {"two"}


def test_the_taxonomy_may_be_a_path_or_text(
    make: Make, tiny: Taxonomy, tmp_path: Path, tiny_documents: Documents
) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny.to_yaml())
    for source in (file, str(file), tiny.to_yaml()):
        model = make(source, training=TrainingConfig(epochs=1, weight_decay=0.0)).fit(*tiny_documents)
        assert model.taxonomy is source
        assert model.taxonomy_ == tiny
    with pytest.raises(TaxonomyError):
        make("{hiercls: 1, levels: [topic], topics: [A, A]}").fit(["a"], ["A"])


# ------------------------------------------------------------------------------------------------- what is refused


METHODS = ["predict", "predict_proba", "predict_log_proba", "node_proba"]


@pytest.mark.parametrize("method", METHODS)
def test_a_bare_string_is_an_error_that_says_so(method: str, trained: HierarchicalTextClassifier) -> None:
    with pytest.raises(InputTypeError, match=r"write \[text\]"):
        getattr(trained, method)("one text")
    with pytest.raises(InputTypeError, match=r"write \[text\]"):
        trained.fit("one text", ["A"])
    with pytest.raises(InputTypeError, match=r"write \[text\]"):
        trained.scope_proba("one text", at="one")


def test_nothing_works_before_fit(make: Make, tmp_path: Path) -> None:
    model = make()
    for method in METHODS:
        with pytest.raises(NotFittedError):
            getattr(model, method)(["a0"])
    for act in (
        lambda: model.scope_proba(["a0"], at="one"),
        lambda: model.score(["a0"], ["A"]),
        lambda: model.classes_,
        lambda: model.save_pretrained(tmp_path / "m"),
        lambda: model.add_customer(PART),
        lambda: model.replace_customer(PART),
        lambda: model.remove_customer("one"),
    ):
        with pytest.raises(NotFittedError):
            act()
    assert not hasattr(model, "classes_")


def test_an_unknown_view_is_an_error_with_the_nearest_names(trained: HierarchicalTextClassifier) -> None:
    for method in METHODS:
        with pytest.raises(ConfigError, match=r"'tree'.*did you mean 'three'"):
            getattr(trained, method)(["a0"], at="tree")
    with pytest.raises(DataError, match="unknown view 'tree'"):
        trained.score(["a0"], ["AB"], views="tree")


def test_all_bad_rows_are_reported_at_once_and_the_fit_before_stays(
    make: Make, coarse: tuple[list[str], list[str], list[str]]
) -> None:
    texts, labels, views = coarse
    model = make().fit(texts, labels, views=views)
    before = model.predict_proba(texts[:3])
    with pytest.raises(DataError) as caught:
        model.fit(["a", "b", "c", "d"], ["ABC", "Q", None, ["one:ABC", "two:F"]], views="one", customers="one")
    message = str(caught.value)
    assert message.startswith("3 problems in the labels")
    for part in ("row 2", "'Q' is no class of 'one'", "row 3", "no label", "row 4", "contradict each other"):
        assert part in message
    assert (model.predict_proba(texts[:3]) == before).all()


def test_no_row_at_all_is_an_error(make: Make, trained: HierarchicalTextClassifier) -> None:
    with pytest.raises(DataError, match="at least one labelled row, got none"):
        make().fit([], [])
    with pytest.raises(DataError, match="at least one labelled text, got none"):
        trained.score([], [])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tune": "some"}, "tune 'none', 'all', or 'last-n' as in 'last-2', got 'some'"),
        ({"validation_fraction": 1.0}, "validation_fraction < 1, got 1.0"),
        ({"level_weights": [1.0]}, r"level weight.*\['area', 'topic'\]"),
        ({"level_weights": [1.0, 0.0]}, "the last > 0"),
        ({"level_weights": [-1.0, 1.0]}, ">= 0"),
        ({"customer_weights": {"four": 1.0}}, "customer_weights.*'four'"),
        ({"customer_weights": {"one": -1.0}}, "customer_weights >= 0"),
        ({"customer_weights": {"one": 0.0, "two": 0.0, "three": 0.0}}, "positive weight"),
        ({"priors": {"four": {"A": 1.0}}}, "'four'"),
        ({"priors": {"one": {"Q": 1.0}}}, "Q"),
        ({"priors": {"one": {"A": -1.0, "B": 2.0}}}, ">= 0"),
        ({"priors": {"one": {}}}, "positive sum"),
        ({"head": HiagmConfig(), "training": TrainingConfig(teacher_forcing=0.5)}, "levels that feed each other"),
        ({"head": ADJUSTED_PATH, "priors": {"one": {"A": 1.0}}}, "no one mix of topics"),
        ({"precision": "float16"}, "got 'float16'"),
    ],
)
def test_settings_that_do_not_fit_are_said_before_anything_is_encoded(
    settings: dict[str, Any], said: str, make: Make, coarse: tuple[list[str], list[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*args: Any, **more: Any) -> None:
        raise AssertionError("texts were encoded")

    monkeypatch.setattr("hiercls.encoding.engine.EncodingEngine.encode", refuse)
    texts, labels, views = coarse
    with pytest.raises(ConfigError, match=said):
        make(**settings).fit(texts, labels, views=views)


# ------------------------------------------------------------------------------------------------------- weights


def test_documents_of_weight_zero_are_absent(make: Make, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    wrong = ["A" if topic != "A" else "F" for topic in topics]
    weights = [1.0] * len(texts) + [0.0] * len(texts)
    both = make().fit(texts + texts, topics + wrong, sample_weight=weights)
    alone = make().fit(texts, topics)
    np.testing.assert_array_equal(both.predict_proba(texts), alone.predict_proba(texts))
    assert both.score(texts + texts, topics + wrong, sample_weight=weights) > 0.9
    assert both.score(texts + texts, topics + wrong) < 0.6


def test_heavier_documents_win(make: Make) -> None:
    for heavy, expected in ((0, "A"), (1, "B")):
        weights = np.array([1.0, 1.0])
        weights[heavy] = 20.0
        model = make(validation_fraction=0.0, training=TrainingConfig(epochs=30, learning_rate=0.01, weight_decay=0.0))
        assert model.fit(["a0", "a0"], ["A", "B"], sample_weight=weights).predict(["a0"]) == [expected]


def test_customers_weigh_as_they_are_told(make: Make, coarse: tuple[list[str], list[str], list[str]]) -> None:
    texts, labels, views = coarse
    without = [number for number, view in enumerate(views) if view != "one"]
    rest = [[values[number] for number in without] for values in (texts, labels, views)]
    alone = make().fit(rest[0], rest[1], views=rest[2])
    muted = make(customer_weights={"one": 0.0}).fit(texts, labels, views=views)
    np.testing.assert_array_equal(muted.predict_proba(texts), alone.predict_proba(texts))
    louder = make(customer_weights={"one": 5.0}).fit(texts, labels, views=views)
    assert not np.allclose(louder.predict_proba(texts), alone.predict_proba(texts))


def test_the_pooled_mix_is_that_of_the_sampler_and_the_weights(make: Make) -> None:
    texts, topics = ["a0"] * 80 + ["b1"] * 20, ["A"] * 80 + ["B"] * 20
    for temperature, weight, share in ((1.0, 1.0, 0.8), (np.inf, 1.0, 0.5), (1.0, 4.0, 0.5), (np.inf, 4.0, 0.2)):
        training = TrainingConfig(epochs=1, weight_decay=0.0, sampling_temperature=temperature)
        model = make(training=training, customer_weights={"two": weight})
        model.fit(texts, topics, customers=["one"] * 80 + ["two"] * 20)
        assert model.scorer_.mix.pooled[0] == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("weights", [[1.0], [1.0] * 95 + [-1.0], [1.0] * 95 + [np.nan]])
def test_sample_weights_must_fit(weights: list[float], make: Make, tiny_documents: Documents) -> None:
    with pytest.raises(ConfigError, match=r"expected .*sample weights"):
        make().fit(*tiny_documents, sample_weight=weights)


# ------------------------------------------------------------------------------------------------------ customers


def test_a_known_mix_of_topics_shifts_a_customer_s_answers_alone(make: Make, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    shares = {"A": 0.9, "B": 0.02, "C": 0.02, "D": 0.02, "E": 0.02, "F": 0.02}
    model = make(priors={"two": shares}).fit(texts, topics)
    pooled = model.scorer_.mix.pooled
    own = 0.999 * np.array([shares[topic] for topic in "ABCDEF"]) + 0.001 / 6
    odds = model.predict_proba(texts) * own / pooled
    expected = odds / odds.sum(axis=1, keepdims=True) @ model.taxonomy_.view("two").weights.toarray()
    np.testing.assert_allclose(model.predict_proba(texts, at="two"), expected, atol=1e-5)
    plain = model.predict_proba(texts) @ model.taxonomy_.view("one").weights.toarray()
    np.testing.assert_allclose(model.predict_proba(texts, at="one"), plain, atol=1e-6)


def test_a_known_mix_stands_inside_the_training_loss(
    make: Make, coarse: tuple[list[str], list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, labels, views = coarse
    seen: list[Any] = []

    def watch(*args: Any, priors: Any, **settings: Any) -> Any:
        seen.append(priors)
        return TargetTable(*args, priors=priors, **settings)

    monkeypatch.setattr("hiercls.estimator.tasks.TargetTable", watch)
    model = make(priors={"two": {"A": 3.0, "B": 1.0}, "one": {"F": 1.0}}).fit(texts, labels, views=views)
    (priors,) = seen
    assert priors.index.tolist() == [{"two": 0, "one": 1, "three": -1}[view] for view in views]
    np.testing.assert_allclose(priors.customers[0], 0.999 * np.array([0.75, 0.25, 0, 0, 0, 0]) + 0.001 / 6)
    np.testing.assert_array_equal(priors.pooled, model.scorer_.mix.pooled)


def test_a_customer_is_added_from_its_yaml_alone_and_can_be_regrouped_and_removed(
    make: Make, tiny_documents: Documents, tiny: Taxonomy, tmp_path: Path
) -> None:
    texts, topics = tiny_documents
    model = make().fit(texts, topics)
    before = model.predict_proba(texts)
    file = tmp_path / "part.yaml"
    file.write_text("customer: part\npartial: true\nclasses: {AB: [A, B], D: D}\n")
    assert model.add_customer(file) is model
    inside = before[:, [0, 1, 3]]
    expected = np.stack([inside[:, 0] + inside[:, 1], inside[:, 2]], axis=1) / inside.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(texts, at="part"), expected, atol=1e-5)
    np.testing.assert_allclose(model.scope_proba(texts, at="part"), inside.sum(axis=1), atol=1e-5)
    model.replace_customer({"customer": "part", "classes": {"ABC": ["A", "B", "C"], "Other": "rest"}})
    np.testing.assert_allclose(model.predict_proba(texts, at="part"), model.predict_proba(texts, at="area"), atol=1e-6)
    model.add_customer(OVER)
    np.testing.assert_allclose(model.predict_proba(texts, at="over").sum(axis=1), 1.0, atol=1e-6)
    model.remove_customer("part")
    assert model.taxonomy_.customers == ("one", "two", "three", "over")
    assert model.taxonomy is model.taxonomy_
    np.testing.assert_array_equal(model.predict_proba(texts), before)
    assert tiny.customers == ("one", "two", "three")
    with pytest.raises(ConfigError, match="'part'"):
        model.predict(texts, at="part")
    with pytest.raises(TaxonomyError):
        model.add_customer({"customer": "one", "classes": {"All": "rest"}})
    with pytest.raises(ConfigError, match="'part'"):
        model.remove_customer("part")
    with pytest.raises(ConfigError, match="'part'"):
        model.replace_customer({"customer": "part", "classes": {"All": "rest"}})


def test_a_customer_s_mix_comes_and_goes_with_it(make: Make, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    model = make(training=TrainingConfig(epochs=2, weight_decay=0.0)).fit(texts, topics)
    plain = model.predict_proba(texts, at="one")
    own = {"D": 0.9, "A": 0.1}
    same = {"customer": "one", "classes": {"ABC": ["A", "B", "C"], "D": "D", "EF": ["E", "F"]}}
    model.replace_customer(same, prior=own)
    shifted = model.predict_proba(texts, at="one")
    assert (shifted[:, 1] > plain[:, 1]).all()
    model.replace_customer(same)
    np.testing.assert_array_equal(model.predict_proba(texts, at="one"), plain)
    model.add_customer(PART, prior=own)
    assert model.priors == {"part": own}
    assert model.scorer_.mix.customers.keys() == {"part"}
    with pytest.raises(ConfigError, match="Q"):
        model.replace_customer(PART, prior={"Q": 1.0})
    model.remove_customer("part")
    assert model.priors is None
    assert model.scorer_.mix.customers == {}


def test_fit_works_again_after_a_customer_with_settings_of_its_own_has_left(
    make: Make, coarse: tuple[list[str], list[str], list[str]]
) -> None:
    texts, labels, views = coarse
    settings = {"priors": {"one": {"A": 1.0}, "two": {"B": 1.0}}, "customer_weights": {"one": 2.0, "three": 3.0}}
    model = make(**settings, training=TrainingConfig(epochs=1, weight_decay=0.0)).fit(texts, labels, views=views)
    model.remove_customer("one")
    assert (model.priors, model.customer_weights) == ({"two": {"B": 1.0}}, {"three": 3.0})
    model.fit(texts, ["A"] * len(texts))
    assert settings["customer_weights"] == {"one": 2.0, "three": 3.0}


def test_names_may_be_given_in_either_unicode_spelling(
    make: Make, tiny: Taxonomy, coarse: tuple[list[str], list[str], list[str]]
) -> None:
    """An é may be one character, or e and an accent: nothing that is learnt, asked for or removed depends on it."""
    texts, labels, views = coarse
    named = tiny.renamed({"A": "Café", "one": "Zoë"})
    answers = []
    for form in ("NFC", "NFD"):

        def spelled(name: str, form: str = form) -> str:
            return unicodedata.normalize(form, name)

        settings = {"priors": {spelled("Zoë"): {spelled("Café"): 1.0}}, "customer_weights": {spelled("Zoë"): 2.0}}
        model = make(named, **settings, training=TrainingConfig(epochs=1, weight_decay=0.0))
        model.fit(texts, labels, views=[spelled("Zoë") if view == "one" else view for view in views])
        answers.append(model.predict_proba(texts, at=spelled("Zoë")))
        model.remove_customer(spelled("Zoë"))
        assert (model.priors, model.customer_weights) == (None, None)
    np.testing.assert_array_equal(*answers)


def test_the_score_is_that_of_the_written_class_where_classes_overlap(make: Make, tiny_documents: Documents) -> None:
    """B's topics lie within ABC too: a label's set alone does not say which class was meant."""
    texts, topics = tiny_documents
    model = make().fit(texts, topics).add_customer(OVER)
    predicted = model.predict(texts, at="over").tolist()
    assert set(predicted) == {"ABC", "B", "CDEF"} or set(predicted) == {"ABC", "CDEF"}
    assert model.score(texts, predicted, views="over") == 1.0
    assert model.score(texts, ["B"] * len(texts), views="over") == predicted.count("B") / len(texts)
    both = [["over:ABC", "over:CDEF"]] * len(texts)
    assert model.score(texts, both) == 0.0


def test_score_mixes_views_and_wants_all_labels_right(
    trained: HierarchicalTextClassifier, tiny_documents: Documents, tiny: Taxonomy
) -> None:
    texts = tiny_documents[0]
    found = {view: trained.predict(texts, at=view).tolist() for view in ("one", "two", "area")}
    views = ["one", "two", "area"] * 32
    assert trained.score(texts, [found[view][n] for n, view in enumerate(views)], views=views) == 1.0
    right = [[f"one:{one}", f"two:{two}"] for one, two in zip(found["one"], found["two"], strict=True)]
    allowed = [number for number, (one, two) in enumerate(right) if _meet(tiny, one, two)]
    assert trained.score([texts[n] for n in allowed], [right[n] for n in allowed]) == 1.0
    wrong = [["one:" + ("D" if found["one"][n] != "D" else "EF"), "two:DE"] for n in allowed]
    assert trained.score([texts[n] for n in allowed], wrong) == 0.0


def _meet(taxonomy: Taxonomy, one: str, two: str) -> bool:
    named = (label.split(":") for label in (one, two))
    sets = [set(taxonomy.view(view).topics_of(name)) for view, name in named]
    return bool(set.intersection(*sets))


# -------------------------------------------------------------------------------------------------- few documents


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["a0"], ["A"]),
        ([""], ["A"]),
        (["a0"] * 5, ["A", "B", "A", "A", "C"]),
        (["", " ", "\n"], ["A", "B", "C"]),
        (["a0", "b1"], ["A", "B"]),
        (["a0", "b1", "c2"], ["A", "A", "A"]),
        (["a0", "b1", "c2", "d3"], ["one:ABC", "one:ABC", "topic:A", "two:BC"]),
    ],
    ids=["one", "one empty", "identical", "white space", "two", "one label", "one label of many views"],
)
@pytest.mark.parametrize("tune", ["none", "all"])
def test_few_documents_are_enough(texts: list[str], labels: list[str], tune: Any, make: Make) -> None:
    model = make(tune=tune, training=TrainingConfig(epochs=2)).fit(texts, labels)
    probabilities = model.predict_proba([*texts, "f5"])
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_labels_that_leave_topics_open_are_a_warning_that_names_them(make: Make, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    training = TrainingConfig(epochs=1, weight_decay=0.0)
    labels = ["ABC" if topic in "ABC" else "D" if topic == "D" else "EF" for topic in topics]
    with pytest.warns(UserWarning, match="rank 3 of 6.*'A', 'B', 'C' alike.*'E', 'F' alike") as caught:
        make(training=training).fit(texts, labels, views="one")
    assert [Path(warning.filename).name for warning in caught] == ["test_classifier.py"]


@pytest.mark.parametrize("tune", ["none", "all"])
def test_a_loss_that_is_not_finite_stops_fit_and_leaves_the_last_good_epoch(
    tune: Any, make: Make, tiny_documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, topics = tiny_documents
    real, calls = cascade_loss, []

    def break_down(*args: Any, **settings: Any) -> Any:
        calls.append(0)
        loss = real(*args, **settings)
        return loss if len(calls) <= n_good else CascadeLoss(loss.terms, loss.per_document * np.nan)

    monkeypatch.setattr("hiercls.training.steps.cascade_loss", break_down)
    n_good = 30
    model = make(tune=tune, validation_fraction=0.0)
    with pytest.raises(TrainingError, match=r"step 31 is nan.*the weights after epoch 5 are kept"):
        model.fit(texts, topics)
    found = model.predict_proba(texts)
    assert model.score(texts, topics) > 0.5
    calls.clear()
    n_good = 3
    with pytest.raises(TrainingError, match="no epoch was finished"):
        model.fit(texts, topics)
    np.testing.assert_array_equal(model.predict_proba(texts), found)
    calls.clear()
    with pytest.raises(TrainingError):
        make(tune=tune).fit(texts, topics).predict(texts)


# ------------------------------------------------------------------------------------------ scikit-learn's manners


def test_settings_are_kept_as_given_and_cloned(make: Make, tiny: Taxonomy, trained: HierarchicalTextClassifier) -> None:
    model = make(priors={"one": {"A": 1.0}}, random_state=3)
    params = model.get_params()
    assert params["taxonomy"] is tiny
    assert params["training"] is QUICK
    twin = clone(model)
    assert twin.get_params() == params
    assert twin.set_params(random_state=4, tune="all") is twin
    assert (twin.random_state, model.random_state, twin.tune) == (4, 3, "all")
    with pytest.raises(ValueError, match="colour"):
        model.set_params(colour="red")
    assert is_classifier(model)
    again = clone(trained)
    assert not hasattr(again, "taxonomy_")
    assert "HierarchicalTextClassifier" in repr(model)


def test_an_estimator_can_be_sent_to_another_process(
    make: Make, trained: HierarchicalTextClassifier, tiny_documents: Documents
) -> None:
    """As joblib does; a model folder holds no pickle, but scikit-learn's workers need one."""
    again = pickle.loads(pickle.dumps(make(priors={"one": {"A": 1.0}})))
    assert again.get_params() == make(priors={"one": {"A": 1.0}}).get_params()
    for twin in (pickle.loads(pickle.dumps(trained)), copy.deepcopy(trained)):
        np.testing.assert_array_equal(twin.predict_proba(tiny_documents[0]), trained.predict_proba(tiny_documents[0]))


def test_cross_validation_pipelines_and_searches_work(make: Make, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    training = TrainingConfig(epochs=6, batch_size=16, learning_rate=0.03, weight_decay=0.01)
    model = make(training=training)
    assert cross_val_score(model, texts, topics, cv=3).mean() > 0.8
    unmask = FunctionTransformer(lambda batch: [text.replace("~", "a") for text in batch])
    masked = [text.replace("a", "~") for text in texts]
    pipeline = Pipeline([("unmask", unmask), ("classify", clone(model))]).fit(masked, topics)
    np.testing.assert_array_equal(pipeline.predict_proba(masked), model.fit(texts, topics).predict_proba(texts))
    assert pipeline.score(masked, topics) > 0.8
    weak = TrainingConfig(epochs=1, learning_rate=1e-6, weight_decay=0.0)
    search = GridSearchCV(model, {"training": [weak, training], "level_weights": [None, [0.0, 1.0]]}, cv=2)
    search.fit(texts, topics)
    assert search.best_params_["training"] is training
    assert search.best_score_ > 0.8
    assert search.predict(texts[:3]).shape == (3,)


def test_equal_seeds_give_equal_models_and_the_process_s_random_state_is_left_alone(
    make: Make, tiny_documents: Documents
) -> None:
    training = TrainingConfig(epochs=2, batch_size=16, weight_decay=0.01)
    models = []
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    for seed in (0, 0, 1, np.int64(1), np.random.RandomState(5), np.random.RandomState(5)):
        models.append(make(training=training, random_state=seed).fit(*tiny_documents))
    assert torch.get_rng_state().equal(before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    found = [model.predict_proba(tiny_documents[0][:5]) for model in models]
    for one, other, equal in ((0, 1, True), (0, 2, False), (2, 3, True), (4, 5, True), (3, 4, False)):
        assert np.array_equal(found[one], found[other]) == equal
    make(training=training, random_state=None).fit(*tiny_documents)
    make(training=training, random_state=np.random.RandomState(5), tune="all").fit(*tiny_documents)
    assert torch.get_rng_state().equal(before[0])


def test_nothing_is_printed_unless_asked(
    make: Make, tiny_documents: Documents, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    quiet = make(training=TrainingConfig(epochs=1), tune="all").fit(*tiny_documents)
    quiet.predict(tiny_documents[0])
    quiet.save_pretrained(tmp_path / "m")
    HierarchicalTextClassifier.from_pretrained(tmp_path / "m").predict(["a0"])
    assert capfd.readouterr() == ("", "")
    make(training=TrainingConfig(epochs=1, weight_decay=0.0), verbose=True, cache=False).fit(*tiny_documents)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.search("encoding.*training", err, flags=re.DOTALL)


def test_bfloat16_answers_are_near(make: Make, tiny_documents: Documents) -> None:
    exact, near = (make(precision=precision).fit(*tiny_documents) for precision in ("float32", "bfloat16"))
    texts = tiny_documents[0]
    assert near.score(*tiny_documents) > 0.9
    assert 0 < np.abs(exact.predict_proba(texts) - near.predict_proba(texts)).mean() < 0.05


@pytest.fixture
def count_encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from hiercls.encoding.engine import EncodingEngine
    from hiercls.model.windows import Windows

    counts: list[int] = []
    real = EncodingEngine._compute

    def watch(self: EncodingEngine, windows: Windows, advance: Callable[[int], object]) -> np.ndarray:
        counts.append(len(windows))
        return real(self, windows, advance)

    monkeypatch.setattr(EncodingEngine, "_compute", watch)
    return counts


def test_encodings_are_kept_on_disk_unless_told_otherwise(
    make: Make, tiny_documents: Documents, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count_encoded: list[int]
) -> None:
    monkeypatch.setenv("HIERCLS_CACHE", str(tmp_path))
    training = TrainingConfig(epochs=1, weight_decay=0.0)
    make(training=training).fit(*tiny_documents).predict(tiny_documents[0])
    assert sum(count_encoded) == len(set(tiny_documents[0]))
    make(training=training, random_state=9).fit(*tiny_documents)
    assert sum(count_encoded) == len(set(tiny_documents[0]))
    make(training=training, max_length=12).fit(*tiny_documents)
    assert sum(count_encoded) == 2 * len(set(tiny_documents[0]))
    files = len(list(tmp_path.rglob("*.safetensors")))
    make(training=training, cache=False).fit(*tiny_documents)
    make(training=training, tune="all").fit(*tiny_documents).predict(tiny_documents[0])
    assert len(list(tmp_path.rglob("*.safetensors"))) == files
