from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from hiercls.study.corpus import Corpus
from hiercls.study.pooling_documents import Documents
from hiercls.study.pooling_features import FEATURES, SUBSETS, Words, features, fitted_curve, task_figures
from hiercls.study.pooling_forecast import (
    identity_over_random_folds,
    inverse_ranks,
    one_hot,
    one_main_left_out,
    other_repeats,
    published_accuracy,
)
from hiercls.study.pooling_measures import measure
from hiercls.study.pooling_networks import Trained
from hiercls.study.pooling_report import draw_curves, draw_forecasts, report
from hiercls.study.pooling_sweep import Run
from hiercls.study.pooling_tables import affinities, curves, mended, published, scores_at
from hiercls.study.pooling_tasks import Pair
from hiercls.study.pooling_transfer import h_score, leep, log_me, transfer_features
from hiercls.study.pooling_union import union_scores
from hiercls.taxonomy import Taxonomy

SMALL = """
hiercls: 1
name: small
levels: [area, group, topic]
topics: {x: {one: [a, b], two: [c, d]}, y: {three: [e, f]}}
"""
PAIR = Pair(main=("a", "c"), auxiliary=("b", "d"))


@pytest.fixture(scope="module")
def documents() -> Documents:
    """Topics a, b (of group one) and c, d (of group two) share words within their group."""
    random, corpora = np.random.default_rng(0), []
    for n_each in (12, 8):
        topics = np.repeat(np.arange(6), n_each)
        words = [[f"g{t // 2}w{w}" for w in random.integers(9, size=4)] + [f"t{t}"] for t in topics]
        corpora.append(Corpus(texts=tuple(" ".join(some) for some in words), topics=topics))
    return Documents.of(Taxonomy.from_yaml(SMALL), *corpora)


def test_there_are_30_features_and_the_groups_are_named_by_what_they_hold() -> None:
    assert len(FEATURES) == len(set(FEATURES)) == 30
    with_curves = {place for place, name in enumerate(FEATURES) if "curve" in name or "gradient" in name}
    assert set(SUBSETS["curves alone"]) == with_curves
    assert set(SUBSETS["without curves"]) == set(range(30)) - with_curves
    assert {FEATURES[place] for place in set(range(30)) - set(SUBSETS["without ratios"])} == {
        name for name in FEATURES if name.endswith("ratio")
    }
    tested = set(range(30)) - set(SUBSETS["without test data"])
    assert all("test" in FEATURES[place] or FEATURES[place] == "out of vocabulary" for place in tested)


def test_features_are_what_counting_by_hand_gives(documents: Documents) -> None:
    words, curve = Words.of(documents), np.linspace(0.7, 0.1, 150)
    data = [documents.draw(task, per_class=10, repeat=0) for task in (PAIR.main, PAIR.auxiliary)]
    main, auxiliary = (task_figures(words, task, curve, epoch=80) for task in data)
    found = dict(zip(FEATURES, features(main, auxiliary), strict=True))

    def count(texts: tuple[str, ...], rows: np.ndarray) -> Counter[str]:
        return Counter(re.findall(r"\w+", " ".join(texts[row] for row in rows).lower()))

    def divergence(one: Counter[str], other: Counter[str]) -> float:
        total = 0.0
        for counts in (one, other):
            for word, n in counts.items():
                share = n / counts.total()
                total += (
                    0.5 * share * np.log(share / (0.5 * one[word] / one.total() + 0.5 * other[word] / other.total()))
                )
        return total

    rows = [[task.training_rows[task.labels == label] for label in (0, 1)] for task in data]
    (a, c), (b, _) = [[count(documents.training.texts, some) for some in both] for both in rows]
    test = count(documents.test.texts, data[0].test_rows)
    assert found["JSD class 0, class 1, main"] == pytest.approx(divergence(a, c))
    assert found["JSD class 0, auxiliary's"] == pytest.approx(divergence(a, b))
    assert found["JSD test, class 1"] == pytest.approx(divergence(test, c))
    assert found["words, main"] == len(a | c)
    assert found["out of vocabulary"] == pytest.approx(len(set(test) - set(a | c)) / len(test))
    assert found["gradient 50%, auxiliary"] == pytest.approx(-0.6 / 149)
    assert found["curve a, ratio"] == pytest.approx(1.0)


def test_the_fitted_curve_finds_the_slope_of_a_logarithm() -> None:
    epochs = np.arange(150)
    a, c = fitted_curve(-0.1 * np.log(0.5 * epochs + 2) + 0.6)
    assert a == pytest.approx(-0.1, rel=1e-3)
    assert c > 0


def test_log_me_is_the_largest_evidence() -> None:
    random = np.random.default_rng(0)
    encodings, labels = random.normal(size=(30, 4)), random.integers(2, size=30)
    encodings[:, 0] += labels

    def evidence(logs: np.ndarray) -> float:
        prior, noise = np.exp(logs)
        covariance = np.eye(30) / noise + encodings @ encodings.T / prior
        return -float(multivariate_normal(np.zeros(30), covariance).logpdf(labels)) / 30

    best = minimize(evidence, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    assert log_me(encodings, labels) == pytest.approx(-best.fun, abs=1e-4)


def test_scores_rise_with_what_tells_the_classes_apart() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(80) % 2
    noise = random.normal(size=(80, 5))
    clear, vague = noise + 3 * labels[:, None], noise + 0.5 * labels[:, None]
    assert h_score(clear, labels) > h_score(vague, labels) > 0
    assert log_me(clear, labels) > log_me(vague, labels)
    sure = np.eye(2)[labels] * 0.8 + 0.1
    assert leep(sure, labels) > leep(np.full((80, 2), 0.5), labels)
    assert leep(sure, labels) == pytest.approx(np.log(0.9 * 0.9 + 0.1 * 0.1))  # P(label | z) is .9 for z = label


MAINS = np.repeat(np.arange(12), 5)


def test_a_planted_feature_is_found_in_tasks_that_were_left_out() -> None:
    random = np.random.default_rng(0)
    feature = random.normal(size=60)
    gains = random.normal(size=12)[MAINS] + 2 * feature + 0.3 * random.normal(size=(4, 60))
    found = one_main_left_out(np.repeat(feature[None, :, None], 4, axis=0), gains, MAINS.tolist())
    assert min(found.auc) > 0.85
    assert min(found.spearman) > 0.7
    assert min(other_repeats(gains).auc) > 0.95


def test_which_task_it_is_says_much_over_random_folds() -> None:
    random = np.random.default_rng(0)
    gains = 2 * random.normal(size=12)[MAINS] + random.normal(size=(4, 60))
    assert min(identity_over_random_folds(one_hot(MAINS.tolist()), gains).auc) > 0.7


def test_noise_foretells_nothing_in_tasks_that_were_left_out() -> None:
    random = np.random.default_rng(0)
    gains = 2 * random.normal(size=12)[MAINS] + random.normal(size=(4, 60))
    found = one_main_left_out(random.normal(size=(4, 60, 3)), gains, MAINS.tolist())
    assert 0.3 < np.mean(found.auc) < 0.65


def test_published_accuracy_is_that_of_shuffled_folds() -> None:
    feature = np.linspace(-1, 1, 50)[:, None]
    assert published_accuracy(feature, feature[:, 0] > 0, n_shuffles=3).mean() > 0.9
    assert published_accuracy(feature, np.arange(50) % 2 == 0, n_shuffles=3).mean() < 0.65


def test_inverse_ranks_go_by_size_and_not_by_sign() -> None:
    assert inverse_ranks(np.array([0.5, -2.0, 1.0])).tolist() == [1 / 3, 1.0, 0.5]


def fake_runs() -> tuple[dict[Run, Trained], list[Pair]]:
    """Two pairs that share a joint run; F1 says which network, task and epoch it is."""
    back = Pair(main=PAIR.auxiliary, auxiliary=PAIR.main)
    curve = np.arange(20) / 1000
    runs: dict[Run, Trained] = {}
    for repeat in (0, 1):
        losses = np.linspace(0.7, 0.1, 150)[None]
        runs[repeat, (PAIR.main,)] = Trained(losses=losses, f1=0.2 + curve[None], affinity=np.ones((1, 1)))
        runs[repeat, (PAIR.auxiliary,)] = Trained(losses=losses, f1=0.3 + curve[None], affinity=np.ones((1, 1)))
        both, affinity = np.stack([0.25 + curve, 0.1 * repeat + curve]), np.array([[9.0, 0.1], [0.2, 9.0]])
        runs[repeat, PAIR.tasks] = Trained(losses=losses, f1=both, affinity=affinity)
    return runs, [PAIR, back]


def test_a_pair_reads_its_own_role_of_the_joint_run() -> None:
    runs, some = fake_runs()
    scores = scores_at(runs, some, [0, 1], epoch=80, every=5)
    np.testing.assert_allclose(scores.alone, [[0.215, 0.315]] * 2)
    np.testing.assert_allclose(scores.beside, [[0.265, 0.015], [0.265, 0.115]])
    assert scores.table()["share of gains"] == [0.5, 0.5]
    by_epoch = curves(runs, some, [0, 1])
    assert [values[0] for values in by_epoch["alone"]] == pytest.approx([0.25, 0.25])
    assert [values[0] for values in by_epoch["beside"]] == pytest.approx([0.125, 0.175])
    assert affinities(runs, some, 0).tolist() == [[0.1, 0.2], [0.2, 0.1]]


def test_the_report_shows_ours_beside_the_papers() -> None:
    random = np.random.default_rng(0)
    some = [Pair(main=(f"m{k % 6}", "x"), auxiliary=(f"y{k}", "z")) for k in range(24)]
    gains = random.normal(size=(2, 24))
    own = random.normal(size=(2, 24, 30))
    qualities = mended({"the 30 published features": own}, some, gains, 0.8 + 0.1 * random.random((2, 24)))
    plain = {name: {"auc": found.auc, "spearman": found.spearman} for name, found in qualities.items()}
    table = {"alone": [0.8, 0.81], "beside": [0.82, 0.82], "share of gains": [0.7, 0.8]}
    run = {
        "n_pairs": 24,
        "table": {"80": table, "100": table},
        "published": published(own, gains, n_shuffles=2),
        "mended": plain,
        "curves": {
            "alone": [np.linspace(0.5, 0.8, 20).tolist()] * 2,
            "beside": [np.linspace(0.4, 0.81, 20).tolist()] * 2,
        },
        "union": {"table": table, "mended": plain},
    }
    speed = {"programs": {"hours": 0.5, "times": 1.0, "least": 1.0}}
    speed["naive loop"] = {"hours": 5.0, "times": 10.0, "least": 9.0}
    text = report({"conditions": {"repeats": 2}, "runs": {"related": run, "speed": speed}})
    assert "| the paper, Table 1 | .834 | .843 | .719 |" in text
    assert "| here, epoch 80 | .805 ± .007 | .820 ± .000 | .750 ± .071 |" in text
    assert "| the constant 'it helps', or which main task it is | .500 ± .000 |" in text
    assert "| naive loop | 5.00 | 10.0 (9.0) |" in text
    assert "| mean F1 after | 20 epochs | 40 epochs |" in text
    assert "| alone | .547 ± .000 |" in text
    assert "ceiling" in text
    figure = draw_forecasts({"related": run})
    words = [found.get_text() for found in figure.axes[0].texts]
    assert len(draw_curves({"related": run, "unrelated": run}).axes[0].lines) > 4
    assert {"on words, two outputs", "with the encoder, one head on the union", "the 30 published features"} <= set(
        words
    )


def test_what_is_measured_without_a_network_has_a_row_a_pair(documents: Documents) -> None:
    random = np.random.default_rng(0)
    some = (PAIR, Pair(main=PAIR.auxiliary, auxiliary=PAIR.main))
    encodings = tuple(
        random.normal(size=(len(corpus.topics), 4)) + (corpus.topics // 2)[:, None]
        for corpus in (documents.training, documents.test)
    )
    found = transfer_features(documents, encodings[0], some, per_class=10, repeat=0)
    assert {name: values.shape[0] for name, values in found.items()} == {"headroom": 2, "encoder": 2, "transfer": 2}
    assert all(np.isfinite(values).all() for values in found.values())
    alone, pooled = union_scores(documents, encodings, some, per_class=10, repeat=0)
    assert alone.shape == pooled.shape == (2,)
    assert (pooled > 0.6).all()  # siblings share what tells the groups apart


def test_what_is_measured_in_a_repeat_is_what_its_parts_measure(documents: Documents) -> None:
    random = np.random.default_rng(0)
    some = (PAIR, Pair(main=PAIR.auxiliary, auxiliary=PAIR.main))
    encodings = tuple(random.normal(size=(len(corpus.topics), 4)) for corpus in (documents.training, documents.test))
    losses = {task: np.linspace(0.7, 0.1, 150) for task in (PAIR.main, PAIR.auxiliary)}
    found = measure(documents, encodings, some, losses, 10, 1)
    assert found.repeat == 1
    np.testing.assert_array_equal(found.union, union_scores(documents, encodings, some, per_class=10, repeat=1))
    apart = transfer_features(documents, encodings[0], some, per_class=10, repeat=1)
    np.testing.assert_array_equal(found.features["headroom"], apart["headroom"])
    together = found.features["all together"]
    assert together.shape == (2, 31 + sum(values.shape[1] for values in apart.values()))
    without = measure(documents, None, some, losses, 10, 1)
    assert set(found.features) - set(without.features) == {*apart, "all together"}
    assert without.union is None


def test_topics_are_told_by_other_main_tasks_that_have_them() -> None:
    random = np.random.default_rng(0)
    worth = dict(zip("abcdefgh", random.normal(size=8), strict=True))
    mains = [(x, y) for x in "abcd" for y in "efgh"]
    some = [Pair(main=main, auxiliary=(z, w)) for main in mains for z, w in (("a", "e"), ("b", "h"), ("c", "g"))]
    gains = np.array([sum(worth[topic] for topic in pair.main) for pair in some])
    noisy = gains + 0.1 * random.normal(size=(2, len(some)))
    found = mended({"transfer": random.normal(size=(2, len(some), 1))}, some, noisy, noisy)
    assert min(found["which topics both tasks tell apart"].auc) > 0.9
    assert min(found["these topics, and transfer"].auc) > 0.85
    assert "these topics, and transfer" not in mended({"own": noisy[..., None]}, some, noisy, noisy)
