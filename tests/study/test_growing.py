"""Learning curves: draws nest, what is done is left out, and each of hiercls's rows reads what it says."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.study.baselines import Documents
from hiercls.study.growing import FEW, METHODS, N_DRAWS, YAML_ALONE, World, curves
from hiercls.study.strategies import Filed, Pool
from hiercls.taxonomy import Taxonomy, shipped


def documents(topics, centres, *, seed):
    random = np.random.default_rng(seed)
    encodings = (centres[topics] + random.normal(size=(len(topics), 8))).astype(np.float32)
    return Documents(texts=[f"topic {'abcdef'[topic]}{random.integers(3)}" for topic in topics], encodings=encodings)


@pytest.fixture(scope="module")
def world() -> World:
    """A new customer that files D under ABC, whatever its YAML says; topics are seen as they are, nine times of ten."""
    tiny = Taxonomy.from_yaml(shipped("tiny"))
    view, random = tiny.view("one"), np.random.default_rng(0)
    centres = 2 * random.normal(size=(6, 8))
    classes = view.membership.toarray().argmax(axis=1)

    def filed(n, *, seed, true):
        topics = np.random.default_rng(seed).integers(6, size=n)
        return topics, Filed(documents=documents(topics, centres, seed=seed), classes=true[topics], n_classes=3)

    def logs(topics):
        seen = np.where(random.random(len(topics)) < 0.9, topics, random.integers(6, size=len(topics)))
        return np.log(np.eye(6)[seen] * 0.88 + 0.02)

    elsewhere = classes.copy()
    elsewhere[3] = 0
    few_topics, few = filed(400, seed=1, true=elsewhere)
    test_topics, test = filed(300, seed=2, true=elsewhere)
    return World(
        view=view, pool=Pool({"two": filed(200, seed=3, true=classes)[1]}), few=few, few_logs=logs(few_topics),
        test=test, test_logs=logs(test_topics), pooled=np.full(6, 1 / 6), topics=tiny.topics,
    )  # fmt: skip


def accuracy(world, method, n):
    said = METHODS[method](world, np.arange(n), 0)
    return float((said.argmax(axis=1) == world.test.classes).mean())


def test_a_customer_who_files_elsewhere_gains_by_adapting_and_by_inferring(world):
    alone = accuracy(world, YAML_ALONE, 0)
    assert alone == pytest.approx(0.76, abs=0.05)
    assert accuracy(world, "hiercls: YAML and adapt", 200) > alone + 0.08
    assert accuracy(world, "hiercls: no YAML, classes inferred", 200) > alone + 0.08
    assert accuracy(world, "hiercls: no YAML, a head on its topics", 200) > alone + 0.08


def test_draws_nest_and_what_is_done_is_left_out(world):
    seen = {}

    def method(world, own, seed):
        seen[seed, len(own)] = set(own.tolist())
        return np.eye(3)[np.zeros(len(world.test), dtype=int)]

    def run(done):
        return list(curves(world, {"method": method, YAML_ALONE: METHODS[YAML_ALONE]}, draws=5, sizes=(0, 10, 20, 200),
                           done=done))  # fmt: skip

    first = run(lambda *one: False)
    assert {(draw, size) for _, size, draw, _ in first} == {
        (draw, size) for draw in range(5) for size in (0, 10, 20, 200) if size <= FEW or draw < N_DRAWS
    }
    assert [one[0] for one in first].count("method") == len(seen)
    assert (0, 0) not in seen
    assert all(seen[draw, 10] < seen[draw, 20] for draw in range(5))
    assert seen[0, 10] != seen[1, 10]
    most = world.test.classes
    assert {right for name, _, _, right in first if name == "method"} == {float((most == 0).mean())}
    assert run(lambda name, size, draw: name == "method" or size > 0) == [
        (YAML_ALONE, 0, draw, accuracy(world, YAML_ALONE, 0)) for draw in range(5)
    ]
