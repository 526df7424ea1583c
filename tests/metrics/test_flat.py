import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from hiercls.metrics.flat import ViewScores, accuracy, evaluate_view, macro_f1
from hiercls.taxonomy import View

ONE = View.from_members("one", topics="ABCDEF", members={"ABC": [0, 1, 2], "D": [3], "EF": [4, 5]})


@pytest.mark.parametrize("n_classes", [1, 2, 3, 20])
@pytest.mark.parametrize("n_present", [1, 2, 15])
def test_scores_agree_with_scikit_learn(n_classes, n_present) -> None:
    """Also where classes occur in neither, in only the truth, or in only the predictions."""
    rng = np.random.default_rng(n_classes)
    truth = rng.integers(0, min(n_classes, n_present), 200)
    predicted = np.where(rng.random(200) < 0.6, truth, rng.integers(0, n_classes, 200))
    predicted[predicted == 2] = 0
    expected = sklearn_metrics.f1_score(truth, predicted, average="macro", zero_division=0.0)
    assert macro_f1(predicted, truth, n_classes=n_classes) == pytest.approx(expected, abs=1e-6)
    expected = sklearn_metrics.accuracy_score(truth, predicted)
    assert accuracy(predicted, truth, n_classes=n_classes) == pytest.approx(expected, abs=1e-6)


def test_undetermined_truths_change_nothing_but_their_count() -> None:
    with_them = evaluate_view(ONE, [0, 1, 2, 2, 0], [0, -1, 2, 1, -1])
    without = evaluate_view(ONE, [0, 2, 2], [0, 2, 1])
    assert (with_them.accuracy, with_them.macro_f1) == (without.accuracy, without.macro_f1)
    assert (with_them.n_documents, with_them.n_undetermined) == (3, 2)
    assert (without.n_documents, without.n_undetermined) == (3, 0)


def test_scores_by_hand() -> None:
    scores = evaluate_view(ONE, [0, 0, 1, 2], [0, 1, 1, 2])
    assert scores == ViewScores(
        view="one",
        n_documents=4,
        n_undetermined=0,
        accuracy=pytest.approx(3 / 4),
        macro_f1=pytest.approx((2 / 3 + 2 / 3 + 1) / 3),
    )


@pytest.mark.parametrize(("predicted", "truth"), [([], []), ([0, 1], [-1, -1])])
def test_where_no_document_counts_there_is_no_score(predicted, truth) -> None:
    scores = evaluate_view(ONE, predicted, truth)
    assert (scores.n_documents, scores.n_undetermined) == (0, len(truth))
    assert math.isnan(scores.accuracy)
    assert math.isnan(scores.macro_f1)


def test_importing_metrics_does_not_import_torch() -> None:
    code = "import sys, hiercls.metrics; print('torch' in sys.modules, 'torchmetrics' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"
