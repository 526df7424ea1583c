"""Engines give the same files, whoever is killed: nothing is lost, nothing stands twice."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from hiercls.scale import ScoreConfig, local, score

CONFIG = ScoreConfig(at=("topic", "one"), top_k=2)


def files(folder: Path) -> dict[str, str]:
    """The answers, by SHA-256."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}


def ask(model: Path, documents: Path, output: Path, **more):
    return score(model, [documents], output, config=CONFIG, keep=["id"], **more)


def is_running(process: int) -> bool:
    """Whether a process is there and does something: one that was not waited for is no more."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_worker_is_replaced(words_model, made_files, tmp_path, monkeypatch):
    documents = made_files(tmp_path / "in", [500, 40_000])
    pools, pool = [], local.ProcessPoolExecutor
    monkeypatch.setattr(local, "ProcessPoolExecutor", lambda *given: pools.append(given) or pool(*given))

    def kill(done: int, shards: int, rows: int) -> None:
        if done == 1:
            multiprocessing.active_children()[0].kill()

    found = ask(words_model, documents, tmp_path / "out", workers=2, advance=kill)
    assert len(pools) == 2
    assert (found.rows, found.bad, found.before) == (40_500, 0, 0)
    ask(words_model, documents, tmp_path / "alone")
    assert files(tmp_path / "out") == files(tmp_path / "alone")


def test_workers_that_die_again_and_again_end_the_job(words_model, made_files, tmp_path, monkeypatch):
    class Doomed:
        """A pool whose workers die at once."""

        def __init__(self, *given: object) -> None: ...

        def submit(self, *given: object):
            raise local.BrokenProcessPool

        def shutdown(self, **given: object) -> None: ...

    monkeypatch.setattr(local, "ProcessPoolExecutor", Doomed)
    with pytest.raises(local.WorkersDiedError, match=r"killed 3 times in a row.*part-0"):
        ask(words_model, made_files(tmp_path / "in", [5, 5]), tmp_path / "out", workers=2)


@pytest.fixture(scope="module")
def many(words_model, made_files, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """100,000 rows in 20 files, and what one process makes of them."""
    folder = tmp_path_factory.mktemp("many")
    made_files(folder / "in", [5000] * 20)
    ask(words_model, folder / "in", folder / "alone")
    return folder / "in", files(folder / "alone")


def check(output: Path, expected: dict[str, str]) -> None:
    """Every row once, and the same answers as from one process."""
    assert files(output) == expected
    identifiers = parquet.read_table(output, columns=["id"])["id"].to_pylist()
    assert sorted(identifiers) == list(range(100_000))
    assert not list(output.rglob(".hiercls*"))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_100_000_rows_whoever_is_killed(words_model, many, tmp_path, engine):
    if engine == "ray":
        pytest.importorskip("ray")
    documents, expected = many
    command = [sys.executable, "-m", "hiercls", "score", words_model, documents, "-o", tmp_path / "out"]
    command += ["--at", "topic", "--at", "one", "--top-k", "2", "--keep", "id", "--engine", engine, "--workers", "2"]
    driver = subprocess.Popen([*map(str, command)], start_new_session=True, stderr=subprocess.PIPE)
    children = _killed_when_some_are_done(driver, tmp_path / "out" / "_manifests")
    found = ask(words_model, documents, tmp_path / "out", engine=engine, workers=2)
    assert 0 < found.before < found.shards == 20
    assert (found.rows, found.bad) == (100_000, 0)
    check(tmp_path / "out", expected)
    assert ask(words_model, documents, tmp_path / "out", engine=engine, workers=2).before == 20
    assert not [process for process in children if is_running(process)]


def _killed_when_some_are_done(driver: subprocess.Popen, manifests: Path) -> list[int]:
    """Kill a driver in the midst of its work; the processes that were below it."""
    end = time.monotonic() + 600
    while not (manifests.exists() and len(list(manifests.iterdir())) >= 3):
        assert driver.poll() is None, driver.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.02)
    below = _below(driver.pid)
    driver.kill()
    driver.wait()
    driver.stderr.close()
    end = time.monotonic() + 60
    while any(is_running(process) for process in below) and time.monotonic() < end:
        time.sleep(0.2)
    return below


def _below(process: int) -> list[int]:
    """The processes that a process began, and those that these did."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except FileNotFoundError:
            continue
        if parent == process:
            found += [int(stat.parent.name), *_below(int(stat.parent.name))]
    return found


@pytest.mark.slow
def test_a_killed_actor_of_ray_is_replaced(words_model, many, tmp_path):
    pytest.importorskip("ray")
    documents, expected = many
    killed = []

    def kill(done: int, shards: int, rows: int) -> None:
        if done >= 2 and not killed:
            actors = [one for one in _below(os.getpid()) if "ray::Worker" in _title(one)]
            killed.append(actors[0])
            os.kill(actors[0], signal.SIGKILL)

    found = ask(words_model, documents, tmp_path / "out", engine="ray", workers=2, advance=kill)
    assert killed
    assert (found.rows, found.bad) == (100_000, 0)
    check(tmp_path / "out", expected)


def _title(process: int) -> str:
    """What a process calls itself."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.slow
def test_spark_gives_the_same_files(words_model, made_files, tmp_path):
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("there is no Java: apt-get install openjdk-17-jre-headless")
    documents = made_files(tmp_path / "in", [1000] * 10)
    found = ask(words_model, documents, tmp_path / "out", engine="spark", workers=2)
    assert (found.shards, found.before, found.rows, found.bad) == (10, 0, 10_000, 0)
    ask(words_model, documents, tmp_path / "alone")
    assert files(tmp_path / "out") == files(tmp_path / "alone")
    next((tmp_path / "out").glob("part-3-*.parquet")).unlink()
    found = ask(words_model, documents, tmp_path / "out", engine="spark", workers=2)
    assert (found.before, found.rows) == (9, 10_000)
    assert files(tmp_path / "out") == files(tmp_path / "alone")
