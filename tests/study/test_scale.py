"""What scoring costs: a process's memory is its own, and a made-up taxonomy is read and mapped."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from hiercls.errors import ConfigError
from hiercls.study.scale import ScaleConfig, run_scale, write_scopes
from hiercls.taxonomy import Taxonomy

GIB = 1 << 30


@pytest.mark.skipif(sys.platform != "linux", reason="others pass no record on")
def test_memory_of_who_started_a_process_is_not_its_own():
    ballast = np.ones(GIB // 8)
    code = "from hiercls.study.speed.machine import peak_memory; print(peak_memory())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert ballast.nbytes == GIB
    assert 1 << 27 < float(told) < GIB


def test_a_made_up_taxonomy_is_what_it_says(tmp_path):
    write_scopes(tmp_path / "a.parquet", n_topics=300, n_customers=3, n_named=40, n_classes=4)
    taxonomy = Taxonomy.from_parquet(tmp_path / "a.parquet")
    assert (len(taxonomy.topics), taxonomy.customers) == (300, ("c0", "c1", "c2"))
    for view in map(taxonomy.view, taxonomy.customers):
        assert (view.kind, len(view.classes), int(view.scope.sum())) == ("partial", 4, 40)


def test_sections_are_kept_and_others_refused(tmp_path):
    (tmp_path / "scale.json").write_text(json.dumps({"documents": {"conditions": "there", "rows": [{"documents": 7}]}}))
    small = ScaleConfig(topics=200, customers=(2,))
    said: list[str] = []
    report = run_scale(small, tmp_path, sections=["taxonomy"], say=said.append)
    [row] = json.loads((tmp_path / "scale.json").read_text())["taxonomy"]["rows"]
    assert (row["topics"], row["customers"], len(said)) == (200, 2, 1)
    assert row["memory, MiB"] > 0
    assert "## Documents\n\nthere" in report
    assert "| 200 | 2 |" in report
    with pytest.raises(ConfigError, match="expected a section"):
        run_scale(small, tmp_path, sections=["taxonomi"], say=said.append)
