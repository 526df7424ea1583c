"""Worlds that are dealt, and the scores of forecasts."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from hiercls.study import worlds
from hiercls.study.corpus import Corpus
from hiercls.study.paired import Answers, Difference
from hiercls.study.pooled import Worth
from hiercls.study.worlds_report import fitted_prior, report, scores


@pytest.fixture
def corpora():
    topics = np.repeat(np.arange(20), 150)
    return tuple(
        Corpus(texts=tuple(f"{part} {place} of {topic}" for place, topic in enumerate(topics)), topics=topics)
        for part in ("training", "test")
    )


def test_a_world_is_dealt_by_its_seed_and_no_document_twice(corpora):
    world, again, other = (worlds.dealt_world(*corpora, seed=seed) for seed in (1, 1, 2))
    assert world.training.rows == again.training.rows
    assert world.taxonomy.to_dict() == again.taxonomy.to_dict()
    assert world.training.rows != other.training.rows
    assert max(Counter(world.training.texts).values()) == 1
    sizes = Counter(row.customer for row in world.training.rows)
    assert set(sizes) == set(world.taxonomy.customers)
    assert len(sizes) in worlds.N_CUSTOMERS
    assert all(size <= worlds.SIZES[1] for size in sizes.values())
    assert set(Counter(row.customer for row in world.test.rows).values()) == {worlds.N_TEST}
    for row in world.test.rows[::97]:
        ((view, label),) = row.labels
        topic = world.taxonomy.topics[int(row.text.split()[-1])]
        assert topic in world.taxonomy.view(view).topics_of(label)
    assert "about" not in world.taxonomy.to_dict()


def one(told, came, *, error=0.01, documents=100, best=None):
    by_all = {
        "head": {"mean": -told, "error": error},
        "forecast": {"mean": told, "error": error},
        "measured": {"mean": came, "error": 0.0},
    }
    by_best = best or {which: by_all[which] for which in ("forecast", "measured")}
    return {"documents": documents, "own": 0.5, "by_all": by_all, "best": ["b"], "by_best": by_best}


def test_scores_are_those_of_the_forecasts():
    part = {"forecast": {"mean": 0.2, "error": 0.01}, "measured": {"mean": 0.13, "error": 0.0}}
    runs = {
        "0": {"customers": {"a": one(0.10, 0.11, documents=60), "b": one(0.03, -0.01, best=part)}},
        "1": {"customers": {"c": one(-0.05, -0.06, documents=900), "d": one(0.0, 0.02, documents=80)}},
    }
    for run in runs.values():
        run["cpu_seconds"] = {"forecast": 2.0, "measured": 60.0}
    results = {"conditions": {"headers": "removed"}, "runs": runs}
    found = scores(results)
    assert found["rank correlation"] == pytest.approx(0.8)
    assert found["rank correlation of the head"] == pytest.approx(-0.8)
    assert found["rank correlation of −documents"] == pytest.approx(1.0)
    assert found["absolute error"] == pytest.approx(0.02)
    assert found["absolute error of the head"] == pytest.approx((0.21 + 0.02 + 0.11 + 0.02) / 4)
    assert found["absolute error of the other worlds' mean"] == pytest.approx((0.13 + 0.01 + 0.11 + 0.03) / 4)
    assert found["intervals hold"] == {"50%": 0.0, "80%": 0.5, "95%": 0.5}
    assert (found["clear"], found["clear and of the right sign"]) == (3, 2)
    assert found["part better than all, foretold"] == 1
    assert found["probability that it helps"] == pytest.approx((1 + 0.99865 + 0 + 0.5) / 4, abs=1e-4)
    assert found["part − all, measured"] == pytest.approx(0.14)
    text = report(results)
    assert "| 0 | b | 100 | 0.500 | +3.0 ± 2.0 | −1.0 ± 0.0 | +20.0 (1 others) | +13.0 |" in text
    assert "intervals hold the truth | 50%: 0 %, 80%: 50 %, 95%: 50 % |" in text
    assert "| 50 to 119 | 3 | +4.0 ± 6.2 | 67% |" in text


def test_what_was_run_is_kept_and_the_rest_goes_on(corpora, tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setattr(worlds, "newsgroups_corpora", lambda taxonomy, *, headers, documents: corpora)
    asked = []

    def foretold(taxonomy, documents, encodings, *, seed):
        asked.append(seed)
        gain = Difference(mean=0.1 + seed / 100, error=0.02)
        name, *others = taxonomy.customers
        by_each = dict.fromkeys(others, gain)
        worth = Worth(
            n_documents=9 + seed, own=0.5, by_each=by_each, by_head=gain, by_all=gain, best=tuple(others), by_best=gain
        )
        return {name: worth}

    def trained(world, sets, settings):
        return {
            (name, members): Answers(clusters=np.arange(4), right=np.arange(4) < (1 + world.seed) * (len(members) > 1))
            for members, names in sets.items()
            for name in names
        }

    monkeypatch.setattr(worlds, "forecast", foretold)
    monkeypatch.setattr(worlds, "measure", trained)
    said = []
    settings = {"encoder": str(tiny_bert), "max_length": 8, "cache": False}
    for seeds in (range(2), range(3)):
        config = worlds.WorldsConfig(seeds=seeds, settings=settings)
        worlds.run_worlds(config, tmp_path, resume=True, say=said.append)
    assert asked == [0, 1, 2]
    assert said[0] == "world 0: foretold (measured) +10.0 (+25.0)"
    assert set(json.loads((tmp_path / "worlds.json").read_text())["runs"]) == {"0", "1", "2"}
    assert (tmp_path / "worlds.md").read_text().startswith("# Is what `hiercls pool` foretells true?")


def test_for_development_threads_of_training_documents_are_dealt_or_asked_and_test_documents_never(
    corpora, tiny_bert, tmp_path, monkeypatch
):
    training, test = corpora
    kept = tuple(f"Subject: Re: {place % 900}\n\n{text}" for place, text in enumerate(training.texts))
    found = {"removed": training, "kept": Corpus(texts=kept, topics=training.topics)}
    monkeypatch.setattr(worlds, "newsgroups_corpora", lambda taxonomy, *, headers, documents: (found[headers], test))
    dealt, asked = worlds._corpora(worlds.WorldsConfig(seeds=(0,), development=True, settings={}))
    place = {text: number % 900 for number, text in enumerate(training.texts)}
    assert not {place[text] for text in dealt.texts} & {place[text] for text in asked.texts}
    assert len(dealt.texts) + len(asked.texts) == len(training.texts)
    assert len(asked.texts) == pytest.approx(worlds.HELD_OUT * len(training.texts), rel=0.1)


def test_the_prior_of_worlds_is_reported_where_it_is_asked_for():
    random = np.random.default_rng(0)
    run = {"cpu_seconds": {"forecast": 2.0, "measured": 60.0}}
    runs = {}
    for seed in range(30):
        gain, size = random.normal(0.06, 0.03), int(np.exp(random.uniform(4, 8)))
        runs[str(seed)] = {**run, "customers": {"a": one(-gain - random.normal(0.02, 0.01), gain, documents=size)}}
    results = {"conditions": {}, "runs": runs}
    assert "Likeliest under these worlds: `level=0.0" in report(results, fitted=True)
    assert "Likeliest" not in report(results)
    prior = fitted_prior(results)
    assert prior.offset == pytest.approx(0.02, abs=0.01)
    assert prior.level == pytest.approx(0.06, abs=0.02)
