"""Repurposers against the fixtures of Amazon's Xfer, against plain scikit-learn, and through a file and back."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.svm import SVC

from hiercls.customers.heads import HEADS
from hiercls.customers.repurpose import Repurposer
from hiercls.errors import ConfigError, ModelFolderError

FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "xfer"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"the fixtures of Xfer's tests are not in {FIXTURES}")


def fixture(name: str) -> np.ndarray:
    return np.loadtxt(FIXTURES / f"{name}.out")


@pytest.fixture(scope="module")
def xfer():
    features, labels = fixture("_all_features"), fixture("_labels").astype(int)
    train, test = (fixture(f"_{part}_indices").astype(int) for part in ("train", "test"))
    return features[train], labels[train], features[test], labels[test]


@pytest.fixture(scope="module")
def three():
    """Three classes that overlap a little, in five dimensions."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = random.normal(size=(60, 5)) * [1, 1, 1, 3, 3]
    features[np.arange(60), labels] += 2.5
    return features, np.array(["autos", "guns", "hockey"])[labels]


@needs_fixtures
def test_logistic_regression_is_xfers_and_says_that_it_has_not_converged(xfer):
    train, labels, test, truth = xfer
    head = LogisticRegression(solver="sag", fit_intercept=False, class_weight="balanced", random_state=1)
    with pytest.warns(ConvergenceWarning, match="'LogisticRegression' has not converged"):
        repurposer = Repurposer(head).fit(train, labels)
    np.testing.assert_allclose(repurposer.classifier_.coef_, fixture("LRmodel.coef_"), rtol=0, atol=1e-10)
    assert repurposer.predict(test).tolist() == repurposer.classifier_.predict(test).tolist()
    assert np.mean(repurposer.predict(test) == truth) == pytest.approx(0.5285714285714286)
    assert repurposer.score(test, truth) < Repurposer().fit(train, labels).score(test, truth)


@needs_fixtures
@pytest.mark.slow
def test_linear_svm_is_xfers(xfer):
    train, labels, test, truth = xfer
    repurposer = Repurposer(SVC(C=1.0, kernel="linear", gamma="auto", random_state=1))
    whole = repurposer.fit(train, labels)
    assert whole.score(test, truth) == pytest.approx(0.6571428571428571)
    few = repurposer.fit(train[:10], labels[:10]).classifier_
    for name in ("dual_coef_", "intercept_", "n_support_", "support_", "support_vectors_"):
        np.testing.assert_allclose(getattr(few, name), fixture(f"SVMmodel.{name}"), rtol=1e-5, atol=1e-12)


def test_gaussian_process_is_xfers_within_another_approximation():
    train = [
        [0.0286274, 0.41107054, 0.30557073],
        [0.18646135, 0.71026038, 0.87030804],
        [0.46904668, 0.96190886, 0.85772885],
        [0.40327128, 0.5739354, 0.21895921],
        [0.53548, 0.9645708, 0.56493308],
        [0.80917639, 0.78891976, 0.96257564],
        [0.10951679, 0.75733494, 0.10935291],
    ]
    test = [
        [0.63747595, 0.86516482, 0.21255967],
        [0.33403457, 0.43162212, 0.77119909],
        [0.1678248, 0.41870605, 0.37232554],
    ]
    repurposer = Repurposer("gaussian-process").fit(train, [0, 0, 0, 1, 0, 0, 1])
    found = repurposer.predict_proba(test)
    expected = [[0.48597323, 0.51402677], [0.67488224, 0.32511776], [0.55386502, 0.44613498]]
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert repurposer.predict(test).tolist() == [1, 0, 0]


@needs_fixtures
def test_a_gaussian_process_sets_each_class_against_the_others_on_centred_features(xfer):
    train, labels, _, _ = xfer
    model = Repurposer("gaussian-process").fit(train, labels).classifier_
    for place, one in enumerate(model.base_estimator_.estimators_):
        assert one.y_train_.tolist() == fixture(f"GPmodel.{place}.Y").tolist()
        np.testing.assert_allclose(normalize(one.X_train_), fixture(f"GPmodel.{place}.X"), atol=1e-8)


def test_a_gaussian_process_has_a_kernel_a_layer(three):
    layers, labels = {"low": three[0][:30, :2], "high": three[0][:30, 2:]}, three[1][:30]
    model = Repurposer("gaussian-process").fit(layers, labels).classifier_
    for one in model.base_estimator_.estimators_:
        kernels = one.kernel_.k1, one.kernel_.k2
        assert [(part.k2.start, part.k2.stop) for part in kernels] == [(0, 2), (2, 5)]
        low, high = (one.X_train_[:, columns] for columns in (slice(0, 2), slice(2, 5)))
        expected = [
            part.k1.constant_value * RBF(part.k2.length_scale)(x) for part, x in zip(kernels, (low, high), strict=True)
        ]
        np.testing.assert_allclose(one.kernel_(one.X_train_), sum(expected))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_head_learns_and_survives_a_file(three, head, n_classes, tmp_path):
    features, labels = (part[np.isin(three[1], ["autos", "guns", "hockey"][:n_classes])] for part in three)
    repurposer = Repurposer(head).fit(features, labels)
    probabilities = repurposer.predict_proba(features)
    assert probabilities.shape == (len(labels), n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert repurposer.predict(features).tolist() == repurposer.classes_[probabilities.argmax(axis=1)].tolist()
    assert repurposer.score(features, labels) > 0.75
    repurposer.save(tmp_path / "head")
    loaded = Repurposer.load(tmp_path / "head")
    np.testing.assert_allclose(loaded.predict_proba(features), probabilities, atol=1e-12)
    assert loaded.predict(features).tolist() == repurposer.predict(features).tolist()
    assert loaded.held_out_accuracy_ == repurposer.held_out_accuracy_
    is_linear = head in ("logistic-regression", "linear-svm")
    assert zipfile.is_zipfile(tmp_path / "head") is not is_linear
    loaded.save(tmp_path / "again")
    again = Repurposer.load(tmp_path / "again").predict_proba(features)
    np.testing.assert_allclose(again, probabilities, atol=1e-12)


def test_the_strength_is_the_one_with_the_likeliest_held_out_labels(three):
    features, labels = three
    found = Repurposer().fit(features, labels)
    losses = {}
    for strength in HEADS["logistic-regression"].strengths:
        one = Repurposer(strength=strength)
        losses[strength] = held_out_loss_slowly(one, features, labels)
    assert found.strength_ == min(losses, key=losses.get)


def held_out_loss_slowly(repurposer, features, labels):
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    scaled = features - features.mean(axis=0)
    scaled /= np.sqrt((scaled**2).sum(axis=1).mean())
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    plain = LogisticRegression(C=repurposer.strength, max_iter=2000)
    said = cross_val_predict(plain, scaled, labels, cv=folds, method="predict_proba")
    columns = np.unique(labels, return_inverse=True)[1]
    return -np.mean(np.log(said[np.arange(len(labels)), columns] + 1e-3))


def test_margins_are_scaled_to_probabilities(three):
    features, labels = three
    sure = Repurposer("linear-svm").fit(features, labels)
    noise = Repurposer("linear-svm").fit(np.random.default_rng(1).normal(size=features.shape), labels)
    assert sure.predict_proba(features).max(axis=1).mean() > 0.7
    assert noise.predict_proba(features).max(axis=1).mean() < 0.5


def test_several_layers_are_read_by_name(three):
    features, labels = three
    layers = {"low": features[:, :2], "high": 1000.0 * features[:, 2:]}
    repurposer = Repurposer().fit(layers, labels)
    tame = Repurposer().fit({"low": features[:, :2], "high": features[:, 2:]}, labels)
    np.testing.assert_allclose(
        repurposer.predict_proba(layers),
        tame.predict_proba({"low": features[:, :2], "high": features[:, 2:]}),
        atol=1e-6,
    )
    with pytest.raises(ConfigError, match=r"expected features of 'low' \(2\), 'high' \(3\), got width 5"):
        repurposer.predict(features)


def test_a_class_with_one_document_is_learnt_too():
    repurposer = Repurposer().fit([[0.0], [0.1], [5.0]], ["a", "a", "b"])
    assert repurposer.predict([[6.0]]).tolist() == ["b"]
    assert repurposer.held_out_accuracy_ is None


@pytest.mark.parametrize(
    ("head", "features", "labels", "said"),
    [
        ("rbf-svn", [[0.0], [1.0]], ["a", "b"], "rbf-svm"),
        ("cache", [[0.0], [1.0]], ["a", "a"], "two classes"),
        ("cache", [[0.0], [1.0]], ["a", "b", "b"], "2 documents, 3 labels"),
        ("cache", [[0.0], [np.nan]], ["a", "b"], "row 1"),
        ("cache", {"low": [[0.0], [1.0]], "high": [[0.0]]}, ["a", "b"], "layer 'high'"),
    ],
)
def test_what_cannot_be_fitted_is_said(head, features, labels, said):
    with pytest.raises(ConfigError, match=said):
        Repurposer(head).fit(features, labels)


def test_other_files_are_not_loaded(tmp_path, three):
    (tmp_path / "text").write_text("not a head")
    save_file({"weights": np.eye(2)}, tmp_path / "other")
    save_file({"weights": np.eye(2)}, tmp_path / "odd", metadata={"settings": json.dumps({"format": "2"})})
    for name in ("text", "other", "odd"):
        with pytest.raises(ModelFolderError, match="expected a saved repurposer"):
            Repurposer.load(tmp_path / name)


def test_a_file_with_other_types_is_not_run(tmp_path):
    skops = pytest.importorskip("skops.io")
    skops.dump({"head": Path("x")}, tmp_path / "path")
    with pytest.raises(ModelFolderError, match="pathlib"):
        Repurposer.load(tmp_path / "path")
    skops.dump(SVC(), tmp_path / "svc")
    with pytest.raises(ModelFolderError, match="got a SVC"):
        Repurposer.load(tmp_path / "svc")
