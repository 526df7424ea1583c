"""The commands of benchmarks: what is asked for reaches the study, and the tables that lie here are what it prints."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from hiercls.study import newsgroups, scale, trust_report
from hiercls.taxonomy import Taxonomy, shipped

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
QUICK = ("--headers", "kept", "--seeds", 2, "--documents", 500, "--resume")


@pytest.mark.parametrize(
    ("words", "function", "expected"),
    [
        (
            ("newsgroups", *QUICK, "--method", "oracle", "--tune", "last-1"),
            "newsgroups.run_benchmark",
            {"headers": ["kept"], "seeds": range(2), "methods": ["oracle"], "others": {"tune": "last-1"}},
        ),
        (
            ("trust", "--world", "removed", "--seeds", 1, "--resume"),
            "trust.run_trust",
            {"worlds": ["removed"], "seeds": range(1), "drawings": None},
        ),
        (("scope", *QUICK), "scope.run_scope", {"headers": "kept", "seeds": range(2), "documents": 500}),
        (
            ("few", "--headers", "kept", "--draws", 2, "--workers", 3, "--backend", "ray", "--resume"),
            "few.run_few",
            {"headers": "kept", "draws": range(2), "workers": 3, "backend": "ray"},
        ),
        (
            ("xfer", "--draws", 2, "--documents", 1_000, "--resume"),
            "xfer.run_xfer",
            {"draws": range(2), "documents": 1_000},
        ),
        (
            ("ablation", "--rows", "words", "--seeds", 1, "--workers", 2, "--resume"),
            "ablation.run_ablation",
            {"rows": ["words"], "seeds": range(1), "workers": 2, "backend": "local"},
        ),
        (
            ("onboarding", "--section", "curves", "--seeds", 1, "--draws", 3, "--resume"),
            "onboarding.run_onboarding",
            {"sections": ["curves"], "seeds": range(1), "draws": 3},
        ),
        (("pooling", "--repeats", 1, "--per-class", 100, "--resume"), "pooling.run_pooling", {}),
        (
            ("worlds", "--first", 30, "--seeds", 2, "--resume"),
            "worlds.run_worlds",
            {"seeds": range(30, 32), "headers": "removed"},
        ),
        (
            ("speed", "--section", "encode", "--rounds", 2, "--clock", "cpu", "--resume"),
            "speed.benchmark.run_speed",
            {"rounds": 2, "clock": "cpu", "sections": ["encode"]},
        ),
        (
            ("scale", "--section", "growth", "--rows", 1_000),
            "scale.run_scale",
            {"rows": (10, 100, 1_000), "sections": ["growth"]},
        ),
    ],
)  # fmt: skip
def test_what_is_asked_for_reaches_the_study(run, monkeypatch, tmp_path, words, function, expected):
    asked = []

    def recorded(*args, **kwargs):
        asked.append((args, kwargs))
        return "the tables"

    module, name = function.rsplit(".", 1)
    monkeypatch.setattr(importlib.import_module(f"hiercls.study.{module}"), name, recorded)
    result = run("benchmark", *words, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout == "the tables\n"
    [(args, kwargs)] = asked
    assert kwargs.get("resume", True)
    found = {key: kwargs[key] if key in kwargs else getattr(args[0], key) for key in expected}
    assert found == expected


NEWSGROUPS, PYDOCS = (Taxonomy.from_yaml(shipped(name)) for name in ("newsgroups", "pydocs"))


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("newsgroups", lambda results: newsgroups.report(results, NEWSGROUPS)),
        ("scale", scale.report),
        (
            "trust",
            lambda results: trust_report.report(
                results, {"removed": NEWSGROUPS, "kept": NEWSGROUPS, "pydocs": PYDOCS}
            ),
        ),
    ],
)  # fmt: skip
def test_the_tables_that_lie_here_are_what_the_benchmark_prints(name, report):
    results = json.loads((BENCHMARKS / f"{name}.json").read_text())
    assert report(results).rstrip("\n") == (BENCHMARKS / f"{name}.md").read_text().rstrip("\n")
