"""The ablation: threads stay whole, rows change one thing, gains are paired, and runs are resumed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiercls.errors import ConfigError
from hiercls.study import ablation
from hiercls.study.ablation import AblationConfig, Figures, run_ablation
from hiercls.study.corpus import Corpus
from hiercls.study.effects import effects, signed
from hiercls.study.threads import WORLDS, draw, threads
from hiercls.study.variants import BASE, CASCADE, VARIANTS, Variant
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig


@pytest.fixture(scope="module")
def newsgroups() -> Taxonomy:
    return Taxonomy.from_yaml(shipped("newsgroups"))


@pytest.fixture
def posts(newsgroups: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Posts of every group, three to a thread."""
    topics = np.arange(1200) % 20
    texts = tuple(
        f"From: {number}\nSubject: {'Re: ' * (number // 400)}question {number % 400}\n\nbody {number}"
        for number in range(1200)
    )
    corpus = Corpus(texts=texts, topics=topics)
    bodies = Corpus(texts=tuple(text.split("\n")[-1] for text in texts), topics=topics)
    read = {"kept": corpus, "removed": bodies}
    monkeypatch.setattr("hiercls.study.threads._training_part", lambda taxonomy, headers: read[headers])
    draw.cache_clear()
    yield corpus
    draw.cache_clear()


def numbers(texts: Any) -> set[int]:
    return {int(text.rsplit(" ", 1)[-1]) for text in texts}


@pytest.mark.parametrize("world", WORLDS)
def test_no_thread_stands_on_both_sides(world: str, posts: Corpus, newsgroups: Taxonomy) -> None:
    split = draw(newsgroups, WORLDS[world], documents=500, seed=1)
    training, test = numbers(row.text for row in split.rows), numbers(split.test.texts)
    assert not {number % 400 for number in training} & {number % 400 for number in test}
    assert len(test) == pytest.approx(300, abs=12)
    assert all(("Subject" in text) == world.startswith("kept") for text in split.test.texts)
    if "coarse" in world:
        assert {row.customer for row in split.rows} == set(newsgroups.customers) - {"newcomer"}
        for row in split.rows:
            ((view, name),) = row.labels
            (number,) = numbers([row.text])
            assert newsgroups.topics[number % 20] in newsgroups.view(view).topics_of(name)
    else:
        assert all(row.labels[0][1] == newsgroups.topics[number % 20] for row in split.rows for number in
                   numbers([row.text]))  # fmt: skip


def test_a_long_tail_keeps_a_tenth_of_the_rarest_topic(posts: Corpus, newsgroups: Taxonomy) -> None:
    whole = draw(newsgroups, WORLDS["removed"], documents=900, seed=0)
    tail = draw(newsgroups, WORLDS["removed, long tail"], documents=900, seed=0)
    before, after = (
        {topic: sum(row.labels[0][1] == topic for row in split.rows) for topic in newsgroups.topics}
        for split in (whole, tail)
    )
    kept = sorted(after[topic] / before[topic] for topic in newsgroups.topics)
    assert kept[-1] == 1.0
    assert kept[0] == pytest.approx(0.1, abs=0.02)
    np.testing.assert_allclose(kept, 0.1 ** np.linspace(1, 0, 20), atol=0.03)
    assert set(tail.test.texts) == set(whole.test.texts)


def test_threads_are_subjects_without_re() -> None:
    found = threads(["Subject: RE: re:  A  b\nX", "From: c\nsubject: a B\n", "Subject:\n\nSubject: later", "none"])
    assert found[0] == found[1] == "a b"
    assert len(set(found)) == 3


def test_rows_have_names_of_their_own_and_begin_with_the_default() -> None:
    names = [one.name for rows in VARIANTS if rows != "adjustment" for one in VARIANTS[rows]]
    assert len(set(names)) == len(names)
    assert CASCADE[0].settings == BASE
    assert VARIANTS["adjustment"][0] is CASCADE[0]
    assert all(one.changes for one in CASCADE[1:])
    json.dumps([one.plain for names in VARIANTS.values() for one in names])
    assert CASCADE[2].plain == {"head": {"kind": "HeadConfig", "composition": "flat"}}


def test_gains_are_paired_by_seed() -> None:
    def run(value: float, against: str = "default") -> dict[str, Any]:
        return {"group": "g", "against": against, "accuracy": {"t": value}}

    seeds = {"0": {"default": run(0.5), "a": run(0.6)}, "1": {"default": run(0.7), "a": run(0.8), "b": run(0.6, "a")}}
    default, a, b = effects(seeds, level="t")
    assert (default.gains, b.gains) == ((0.0, 0.0), (pytest.approx(-0.2),))
    assert a.gains == (pytest.approx(0.1), pytest.approx(0.1))
    assert a.accuracy == (0.6, 0.8)
    assert signed(a.gains) == "+10.0 ± 0.0"


def test_runs_are_kept_unless_their_settings_changed(
    posts: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    levels, ran = ("domain", "field", "group"), []

    def fake(taxonomy: Taxonomy, split: Any, variant: Any, *, seed: int) -> Figures:
        ran.append((seed, variant.name))
        accuracy = {level: 0.5 + 0.01 * len(ran) for level in levels}
        return Figures(accuracy=accuracy, macro_f1=0.5, weight_decay=3.0, seconds=1.0)

    monkeypatch.setattr(ablation, "run_variant", fake)
    said: list[str] = []
    config = AblationConfig(worlds=["removed"], rows=["adjustment"], seeds=[0, 1])
    text = run_ablation(config, tmp_path, resume=False, say=said.append)
    assert len(ran) == len(said) == 2 * len(VARIANTS["adjustment"])
    assert (tmp_path / "ablation.md").read_text() == text
    assert "| cascade (default) | .535 ± .035 | – |" in text
    assert (tmp_path / "ablation.svg").read_text().startswith("<?xml")
    results = json.loads((tmp_path / "ablation.json").read_text())
    results["runs"]["removed"]["1"][VARIANTS["adjustment"][1].name]["changes"] = {"another": "setting"}
    (tmp_path / "ablation.json").write_text(json.dumps(results))
    ran.clear()
    run_ablation(config, tmp_path, resume=True, say=said.append)
    assert ran == [(1, VARIANTS["adjustment"][1].name)]
    other = AblationConfig(worlds=["removed"], rows=["adjustment"], seeds=[0], documents=100)
    with pytest.raises(ConfigError, match="other conditions"):
        run_ablation(other, tmp_path, resume=True, say=said.append)


def test_worlds_and_rows_must_be_known() -> None:
    with pytest.raises(ConfigError, match="got 'removd'; did you mean 'removed'"):
        AblationConfig(worlds=["removd"], rows=["cascade"])
    with pytest.raises(ConfigError, match="got 'heads'"):
        AblationConfig(worlds=["removed"], rows=["heads"])


def test_a_row_is_trained_and_tested(newsgroups: Taxonomy, tiny_bert: Path, posts: Corpus) -> None:
    training = TrainingConfig(epochs=1, weight_decay=1.0)
    quick = {"encoder": str(tiny_bert), "max_length": 16, "cache": False, "training": training}
    split = draw(newsgroups, WORLDS["removed"], documents=120, seed=0)
    variant = dataclasses.replace(CASCADE[1], changes={**CASCADE[1].changes, **quick})
    found = ablation.run_variant(newsgroups, split, variant, seed=0)
    assert set(found.accuracy) == set(newsgroups.levels)
    assert found.accuracy["domain"] >= found.accuracy["group"] >= 0.0
    assert found.weight_decay == 1.0


def test_rows_that_encode_anew_are_apart_from_those_that_do_not() -> None:
    def encodes(variant: Variant) -> bool:
        return {"encoder", "tune", "precision"} & set(variant.changes) != set()

    assert all(encodes(one) for one in VARIANTS["reading"])
    assert not any(encodes(one) for rows in ("cascade", "hiagm", "regularisation") for one in VARIANTS[rows])
    changes = [json.dumps(one.plain) for one in VARIANTS["regularisation"]]
    assert len(set(changes)) == len(changes)
    assert json.dumps(VARIANTS["cascade"][0].plain) not in changes
