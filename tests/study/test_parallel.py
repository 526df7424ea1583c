"""Runs side by side come out as runs one after the other do, whichever backend does them."""

from __future__ import annotations

import math
import os
import sys
from types import SimpleNamespace

import pytest

from hiercls.errors import ConfigError
from hiercls.study.parallel import run_many


def given():
    """Taken one by one, as a generator is."""
    yield from ((number, 3) for number in range(9))


@pytest.mark.parametrize("workers", [1, 2])
def test_local_processes_do_what_a_loop_does(workers):
    found = run_many(math.comb, given(), workers=workers)
    assert sorted(found) == sorted(math.comb(*one) for one in given())


def test_one_worker_is_this_process_and_keeps_the_order():
    assert list(run_many(math.comb, given())) == [math.comb(*one) for one in given()]
    assert set(run_many(os.getpid, [()] * 3)) == {os.getpid()}
    assert os.getpid() not in set(run_many(os.getpid, [()] * 3, workers=2))


def test_nothing_is_asked_of_no_runs():
    assert list(run_many(math.comb, [], workers=2)) == []


def test_other_backends_are_named():
    with pytest.raises(ConfigError, match="'local', 'ray' or 'dask'"):
        list(run_many(math.comb, given(), backend="dusk"))


@pytest.mark.parametrize("workers", [0, -2])
def test_without_workers_nothing_is_done(workers):
    with pytest.raises(ConfigError, match="1 worker or more"):
        list(run_many(math.comb, given(), workers=workers))


def test_a_cluster_of_dask_must_be_named(monkeypatch):
    def nobody():
        raise ValueError("no client")

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(default_client=nobody))
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    with pytest.raises(ConfigError, match="set DASK_SCHEDULER_ADDRESS"):
        list(run_many(math.comb, given(), backend="dask", workers=2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dask_does_what_a_loop_does(monkeypatch):
    distributed = pytest.importorskip("distributed")
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**local) as cluster:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        found = run_many(math.comb, given(), backend="dask", workers=2)
        assert sorted(found) == sorted(math.comb(*one) for one in given())


@pytest.mark.slow
def test_ray_does_what_a_loop_does():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    try:
        found = run_many(math.comb, given(), backend="ray", workers=2)
        assert sorted(found) == sorted(math.comb(*one) for one in given())
    finally:
        ray.shutdown()
