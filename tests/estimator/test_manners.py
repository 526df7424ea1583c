"""What scikit-learn's suite would check of the estimator, if it had texts to give: one function a promise.

scikit-learn runs a single check on an estimator that takes strings; ``tests/estimator/test_numeric.py`` runs them all
on the heads.
"""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from collections import UserList
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from hiercls.errors import ConfigError, DataError, InputTypeError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import Taxonomy

Texts = list[str]
CHECKS: list[Callable[..., None]] = []


def check(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function one of the checks."""
    CHECKS.append(function)
    return function


@pytest.fixture(scope="module")
def new(tiny: Taxonomy) -> Callable[..., HierarchicalTextClassifier]:
    """Makes an estimator that trains in a blink: words alone."""
    return lambda **settings: HierarchicalTextClassifier(tiny, encoder=None, **settings)


@pytest.fixture(scope="module")
def fitted(new: Any, tiny_documents: Any) -> HierarchicalTextClassifier:
    """One that is trained, which no check changes."""
    return new().fit(*tiny_documents)


def same(one: Any, other: Any, texts: Texts) -> bool:
    return np.array_equal(one.predict_proba(texts), other.predict_proba(texts))


# ------------------------------------------------------------------------------------------- settings


@check
def settings_are_kept_as_they_were_given(new):
    weights, mix = {"one": 2.0}, {"one": {"A": 1.0}}
    model = new(customer_weights=weights, priors=mix)
    assert model.customer_weights is weights
    assert model.priors is mix


@check
def nothing_is_checked_or_made_in_init(new):
    assert vars(new(tune="nonsense")).keys() == new().get_params().keys()


@check
def every_setting_of_init_is_a_parameter(new):
    named = set(inspect.signature(HierarchicalTextClassifier.__init__).parameters) - {"self"}
    assert set(new().get_params()) == named


@check
def parameters_are_set_and_read_back(new):
    model = new()
    for name, value in model.get_params().items():
        assert model.set_params(**{name: value}) is model
        assert getattr(model, name) is value


@check
def an_unknown_parameter_is_an_error(new):
    with pytest.raises(ValueError, match="colour"):
        new().set_params(colour="red")


@check
def a_clone_has_the_settings_and_is_not_fitted(fitted):
    again = clone(fitted)
    assert repr(again.get_params()) == repr(fitted.get_params())
    assert not [name for name in vars(again) if name.endswith("_")]


@check
def fit_leaves_the_settings_alone(new, texts, labels):
    model = new(customer_weights={"one": 2.0}, random_state=np.random.RandomState(3))
    before = {name: copy.deepcopy(value) for name, value in model.get_params().items() if name != "random_state"}
    model.fit(texts, labels)
    assert {name: repr(value) for name, value in model.get_params().items() if name in before} == {
        name: repr(value) for name, value in before.items()
    }


@check
def what_is_learnt_ends_with_an_underscore(new, fitted):
    public = {name for name in vars(fitted) if not name.startswith("_")}
    assert all(name.endswith("_") for name in public - set(vars(new())))


@check
def predicting_leaves_the_estimator_alone(fitted, texts):
    before = {name: id(value) for name, value in vars(fitted).items()}
    fitted.predict(texts)
    fitted.predict_proba(texts, at="one")
    assert {name: id(value) for name, value in vars(fitted).items()} == before


@check
def it_is_shown_with_what_was_changed_alone(new):
    assert "random_state" not in repr(new())
    assert "random_state=7" in repr(new(random_state=7))


# ------------------------------------------------------------------------------------------- what it is


@check
def it_is_a_classifier(new):
    assert is_classifier(new())
    assert not is_regressor(new())


@check
def its_tags_say_what_it_takes(new):
    tags = get_tags(new())
    assert (tags.estimator_type, tags.target_tags.required) == ("classifier", True)


@check
def classes_are_the_topics_in_the_order_of_the_columns(fitted, texts):
    assert fitted.classes_.tolist() == list("ABCDEF")
    assert (fitted.classes_[fitted.predict_proba(texts).argmax(axis=1)] == fitted.predict(texts)).all()


@check
def fit_takes_sample_weights_views_and_customers(new):
    assert all(has_fit_parameter(new(), name) for name in ("sample_weight", "views", "customers"))


# ------------------------------------------------------------------------------------------- before fit


@check
def predicting_before_fit_is_an_error_of_scikit_learn_s(new, texts):
    for method in ("predict", "predict_proba", "predict_log_proba", "predict_labels", "novelty_score"):
        with pytest.raises(NotFittedError):
            getattr(new(), method)(texts)


@check
def scoring_and_saving_before_fit_is_too(new, texts, labels):
    for call in (lambda: new().score(texts, labels), lambda: new().save_pretrained("x"), lambda: new().classes_):
        with pytest.raises(NotFittedError):
            call()


@check
def it_knows_whether_it_is_fitted(new, fitted):
    check_is_fitted(fitted)
    with pytest.raises(NotFittedError):
        check_is_fitted(new())


# ------------------------------------------------------------------------------------------- fit


@check
def fit_returns_the_estimator(new, texts, labels):
    model = new()
    assert model.fit(texts, labels) is model


@check
def fitting_twice_is_fitting_once(new, fitted, texts, labels):
    assert same(new().fit(texts[:30], labels[:30]).fit(texts, labels), fitted, texts)


@check
def equal_seeds_give_equal_models(new, fitted, texts, labels):
    assert same(new(random_state=0).fit(texts, labels), fitted, texts)


@check
def the_random_state_of_the_process_is_left_alone(new, texts, labels):
    before = str(np.random.get_state())
    new(random_state=0).fit(texts, labels)
    new(random_state=np.random.RandomState(1)).fit(texts, labels)
    assert str(np.random.get_state()) == before


@check
def texts_and_labels_are_left_alone(new, texts, labels):
    given = np.array(texts, dtype=object), pd.Series(labels)
    before = given[0].copy(), given[1].copy()
    new().fit(*given).predict(given[0])
    assert (given[0] == before[0]).all()
    assert given[1].equals(before[1])


@check
def texts_and_labels_may_be_arrays_series_tuples_and_generators(new, fitted, texts, labels):
    kinds = (tuple, np.array, pd.Series, UserList, iter, lambda values: np.array(values, dtype=object))
    for kind in kinds:
        assert same(new().fit(kind(texts), kind(labels)), fitted, texts)
        assert (fitted.predict(kind(texts)) == fitted.predict(texts)).all()


@check
def the_index_of_a_series_means_nothing(fitted, new, texts, labels):
    index = np.arange(len(texts))[::-1]
    assert same(new().fit(pd.Series(texts, index=index), pd.Series(labels)), fitted, texts)


@check
def arrays_that_cannot_be_written_to_will_do(new, fitted, texts, labels):
    given = np.array(texts), np.array(labels)
    for array in given:
        array.flags.writeable = False
    assert same(new().fit(*given), fitted, texts)


@check
def categorical_labels_will_do(new, fitted, texts, labels):
    assert same(new().fit(texts, pd.Series(labels, dtype="category")), fitted, texts)


@check
def lengths_that_differ_are_an_error_with_both(new, texts, labels):
    with pytest.raises(ValueError, match=r"96.*95|95.*96"):
        new().fit(texts, labels[:-1])


@check
def weights_of_another_length_are_an_error(new, texts, labels):
    with pytest.raises(ValueError, match=r"3"):
        new().fit(texts, labels, sample_weight=[1.0, 2.0, 3.0])


@check
def no_labels_are_an_error(new, texts):
    with pytest.raises((TypeError, ValueError)):
        new().fit(texts, None)


@check
def no_texts_are_an_error(new):
    with pytest.raises(ValueError, match="none"):
        new().fit([], [])


@check
def one_string_is_no_list_of_texts(new, fitted):
    for call in (lambda: new().fit("text", ["A"]), lambda: fitted.predict("text")):
        with pytest.raises(InputTypeError):
            call()


@check
def a_table_is_no_list_of_texts(fitted, texts):
    with pytest.raises((InputTypeError, DataError)):
        fitted.predict(pd.DataFrame({"text": texts, "more": texts}))


@check
def numbers_and_missing_texts_are_errors_that_name_the_row(new, texts, labels):
    for bad in (3, None, float("nan"), b"bytes"):
        with pytest.raises(DataError, match=r"texts\[1\]"):
            new().fit([texts[0], bad, *texts[2:]], labels)


@check
def an_unknown_label_is_an_error_that_names_the_nearest(new, texts, labels):
    with pytest.raises(DataError, match="'Q'"):
        new().fit(texts, ["Q", *labels[1:]])


@check
def an_unknown_view_is_an_error_when_asked_for(fitted, texts):
    with pytest.raises(ConfigError, match="'onee'"):
        fitted.predict(texts, at="onee")


@check
def weights_of_one_are_no_weights(new, fitted, texts, labels):
    np.testing.assert_allclose(
        new().fit(texts, labels, sample_weight=np.ones(len(texts))).predict_proba(texts),
        fitted.predict_proba(texts),
        atol=1e-6,
    )


# ------------------------------------------------------------------------------------------- predict


@check
def shapes_and_types_are_those_of_a_classifier(fitted, texts):
    assert fitted.predict(texts).shape == (96,)
    assert fitted.predict(texts).dtype.kind == "U"
    assert fitted.predict_proba(texts).shape == (96, 6)
    assert fitted.predict_proba([]).shape == (0, 6)


@check
def probabilities_are_between_0_and_1_and_sum_to_1(fitted, texts):
    for view in (None, "area", "one", "two", "three"):
        found = fitted.predict_proba(texts, at=view)
        assert ((found >= 0) & (found <= 1)).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(np.exp(fitted.predict_log_proba(texts, at=view)), found, atol=1e-6)


@check
def a_part_of_the_texts_has_its_part_of_the_answers(fitted, texts):
    whole = fitted.predict_proba(texts)
    np.testing.assert_allclose(np.concatenate([fitted.predict_proba([one]) for one in texts]), whole, atol=1e-6)


@check
def the_order_of_the_texts_means_nothing(fitted, texts):
    np.testing.assert_allclose(fitted.predict_proba(texts[::-1])[::-1], fitted.predict_proba(texts), atol=1e-6)


@check
def score_is_the_accuracy(fitted, texts, labels):
    assert fitted.score(texts, labels) == np.mean(fitted.predict(texts) == labels)
    right = fitted.predict(texts) == labels
    weights = np.arange(len(texts))
    assert fitted.score(texts, labels, sample_weight=weights) == pytest.approx(np.average(right, weights=weights))


# ------------------------------------------------------------------------------------------- beside others


@check
def it_is_pickled_as_joblib_does_it_in_memory(new, fitted, texts):
    for model in (new(), fitted):
        kept = io.BytesIO()
        joblib.dump(model, kept)
        kept.seek(0)
        again = joblib.load(kept)
        assert repr(again.get_params()) == repr(model.get_params())
    assert same(again, fitted, texts)


@check
def it_is_copied_and_pickled(fitted, texts):
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted), copy.copy(fitted)):
        assert same(again, fitted, texts)


@check
def it_stands_at_the_end_of_a_pipeline(new, fitted, texts, labels):
    lower = FunctionTransformer(lambda given: [text.lower() for text in given])
    model = make_pipeline(lower, new()).fit([text.upper() for text in texts], labels)
    assert same(model, fitted, texts)
    assert model.classes_.tolist() == fitted.classes_.tolist()
    assert model.predict(texts, at="one").tolist() == fitted.predict(texts, at="one").tolist()


@check
def it_stands_after_a_step_whose_output_is_set_to_pandas(new, fitted, texts, labels):
    lower = FunctionTransformer(lambda table: table.apply(lambda column: column.str.lower())).set_output(
        transform="pandas"
    )
    take = FunctionTransformer(lambda table: table["text"])
    model, table = make_pipeline(lower, take, new()), pd.DataFrame({"text": [text.upper() for text in texts]})
    assert np.array_equal(model.fit(table, labels).predict_proba(table), fitted.predict_proba(texts))


@check
def it_is_cross_validated(new, texts, labels):
    for folds in (KFold(3, shuffle=True, random_state=0), StratifiedKFold(3)):
        assert cross_val_score(new(), texts, labels, cv=folds).mean() > 0.8
    assert np.mean(cross_val_predict(new(), texts, labels, cv=3) == labels) > 0.8


@check
def it_is_searched(new, texts, labels):
    search = GridSearchCV(new(), {"random_state": [0, 1], "validation_fraction": [0.1, 0.2]}, cv=2)
    assert set(search.fit(texts, labels).best_params_) == {"random_state", "validation_fraction"}
    assert search.predict(texts[:2]).shape == (2,)


@check
def it_has_a_learning_curve_and_scikit_learn_s_scorers(new, texts, labels):
    sizes, _, scores = learning_curve(new(), np.array(texts), labels, train_sizes=[0.3, 1.0], cv=3, shuffle=True)
    assert len(sizes) == scores.shape[0] == 2
    measured = cross_validate(new(), texts, labels, cv=3, scoring=["accuracy", "neg_log_loss", "f1_macro"])
    assert (measured["test_neg_log_loss"] < 0).all()


@check
def views_are_routed_to_fit_and_score(new, texts, labels):
    views = [("two", "three")[number // 6 % 2] for number in range(len(texts))]
    groups = {
        "two": {"B": "BC", "C": "BC", "D": "DE", "E": "DE"},
        "three": {"A": "AB", "B": "AB", "C": "CD", "D": "CD"},
    }
    classes = [groups[view].get(topic, topic) for view, topic in zip(views, labels, strict=True)]
    with sklearn.config_context(enable_metadata_routing=True):
        model = new().set_fit_request(views=True).set_score_request(views=True)
        found = cross_validate(model, texts, classes, cv=3, params={"views": views}, error_score="raise")
        assert found["test_score"].mean() > 0.8
        pipeline = make_pipeline(FunctionTransformer(), model).fit(texts, classes, views=views)
        assert pipeline.score(texts, classes, views=views) > 0.8
        search = GridSearchCV(model, {"random_state": [0, 1]}, cv=2, error_score="raise").fit(
            texts, classes, views=views
        )
        assert search.best_score_ > 0.8


@check
def views_that_nobody_asked_for_are_an_error_of_scikit_learn_s(new, texts, labels):
    with sklearn.config_context(enable_metadata_routing=True), pytest.raises(UnsetMetadataPassedError):
        cross_validate(new(), texts, labels, cv=2, params={"views": ["topic"] * len(texts)})


@pytest.mark.parametrize("promise", CHECKS, ids=lambda promise: promise.__name__)
def test_it_has_scikit_learn_s_manners(
    promise: Callable[..., None], new: Any, fitted: Any, tiny_documents: Any
) -> None:
    given = {"new": new, "fitted": fitted, "texts": tiny_documents[0], "labels": tiny_documents[1]}
    promise(**{name: given[name] for name in inspect.signature(promise).parameters})


def test_there_are_forty_promises() -> None:
    assert len({promise.__name__ for promise in CHECKS}) >= 40
