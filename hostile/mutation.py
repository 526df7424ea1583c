"""Mutants of what everything stands on, and whether the tests kill them: ``python -m hostile.mutation PATTERN…``.

mutmut makes the mutants, all functions of a file in one; which of them is called is told it at run time. So the tests
are collected once, and for each mutant a forked process runs those that reach its function, the quickest first, until
one fails or their time is spent. What survives the quick tests might not survive all: the score is a lower bound.

Knows mutmut and pytest. Not on Windows, which cannot fork.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

SLOWEST, BUDGET, PATIENCE = 0.8, 2.0, 6.0
"""Processor seconds of a test that is used, and of a mutant's tests together; how often its own a test may take."""
NOTHING = "hiercls.nothing.x_nothing__mutmut_1"
"""A mutant that changes nothing: no test may kill it."""


def main(patterns: Iterable[str]) -> None:
    """Make mutants, run tests on those of some names, and print the score by module.

    Args:
        patterns: Names of mutants, such as ``hiercls.metrics.flat*``; none: all.
    """
    mutants = _made()
    os.chdir("mutants")
    tests = _Tests()
    reached, seconds = tests.reach()
    together = sorted(seconds, key=lambda name: seconds[name])
    while failed := tests.failing(NOTHING, together, seconds, budget=float("inf"))[1]:
        print(f"left out, since it fails after others without a mutant: {failed}", file=sys.stderr)
        together.remove(failed)
        for names in reached.values():
            names[:] = [name for name in names if name != failed]
    wanted = list(patterns) or ["*"]
    chosen = [name for name in mutants if any(fnmatch.fnmatch(name, pattern) for pattern in wanted)]
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name in tqdm(chosen, desc="mutants"):
        function = name.rpartition("__mutmut_")[0]
        module = function.rpartition(".")[0]
        killers = reached[function]
        found[module][tests.run(name, killers, seconds) if killers else "no tests"] += 1
    print(_table(found))


def _made() -> list[str]:
    """The names of all mutants, which stand in ``mutants`` then."""
    os.environ["MUTANT_UNDER_TEST"] = "mutant_generation"
    from mutmut.__main__ import create_mutants, walk_mutatable_files
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths

    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(1)
    names: list[str] = []
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        names += data.exit_code_by_key
    return names


class _Tests:
    """All tests of mutmut's settings, collected once in this process."""

    def __init__(self) -> None:
        from _pytest.config import _prepareconfig
        from _pytest.main import Session
        from mutmut.configuration import config
        from mutmut.mutation.trampoline import set_mutant_under_test

        set_mutant_under_test("")
        given = [*config().pytest_add_cli_args, *config().pytest_add_cli_args_test_selection]
        self.config = _prepareconfig(["--rootdir=.", "-p", "no:xdist", *given])
        self.config._do_configure()
        self.session = Session.from_config(self.config)
        self.config.hook.pytest_sessionstart(session=self.session)
        self.config.hook.pytest_collection(session=self.session)
        self.items: dict[str, Any] = {
            item.nodeid: item
            for item in self.session.items
            if "__mutmut_" not in item.nodeid or item.nodeid.endswith("__mutmut_orig")  # examples stand in each mutant
        }
        self.config.pluginmanager.unregister(name="terminalreporter")
        gc.collect()
        gc.freeze()

    def reach(self) -> tuple[dict[str, list[str]], dict[str, float]]:
        """The quick tests of each function, the quickest first, and how long each takes."""
        from mutmut.state import state

        def watched(name: str) -> list[Any]:
            state()._stats.clear()
            begin = time.process_time()
            self._one(name)
            return [bool(self.session.testsfailed), time.process_time() - begin, sorted(state()._stats)]

        reached: dict[str, list[str]] = defaultdict(list)
        seconds: dict[str, float] = {}
        for name in tqdm(self.items, desc="tests without a mutant"):
            failed, took, functions = json.loads(self._forked("stats", lambda name=name: watched(name))[1])
            if not failed and took <= SLOWEST:
                seconds[name] = took
                for function in functions:
                    reached[function].append(name)
        for names in reached.values():
            names.sort(key=lambda name: seconds[name])
        return reached, seconds

    def run(self, mutant: str, tests: list[str], seconds: dict[str, float], *, budget: float = BUDGET) -> str:
        """What becomes of a mutant: ``killed``, ``timeout`` or ``survived``."""
        status, failed = self.failing(mutant, tests, seconds, budget=budget)
        if status == -signal.SIGXCPU:
            return "timeout"
        return "killed" if status or failed else "survived"

    def failing(
        self, mutant: str, tests: list[str], seconds: dict[str, float], *, budget: float
    ) -> tuple[int, str | None]:
        """How a process ended that ran tests until one failed, and which did; None where none did or it broke off."""

        def until_one_fails() -> str | None:
            spent = 0.0
            for name in tests:
                allowed = int(time.process_time() + 3 + PATIENCE * seconds[name])
                resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
                self._one(name)
                spent += seconds[name]
                if self.session.testsfailed:
                    return name
                if spent > budget:
                    break
            return None

        status, said = self._forked(mutant, until_one_fails)
        return status, json.loads(said) if said else None

    def _one(self, name: str) -> None:
        """Run one test, with its fixtures set up and torn down."""
        item = self.items[name]
        self.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    def _forked(self, mutant: str, work: Callable[[], object]) -> tuple[int, str]:
        """Do something in a process of its own where a mutant is called; how it ended, and what came of it as JSON."""
        from mutmut.mutation.trampoline import set_mutant_under_test

        read, write = os.pipe()
        with tempfile.TemporaryDirectory() as place:
            child = os.fork()
            if not child:
                nowhere = os.open(os.devnull, os.O_RDWR)
                os.dup2(nowhere, 1)
                os.dup2(nowhere, 2)
                self.config._tmp_path_factory._basetemp = Path(place)  # type: ignore[attr-defined]
                set_mutant_under_test(mutant)
                os.write(write, json.dumps(work()).encode())
                os._exit(0)
            os.close(write)
            with os.fdopen(read) as source:
                said = source.read()
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def _table(found: dict[str, Counter[str]]) -> str:
    """How many mutants of each module were killed."""
    lines = ["| module | mutants | killed | timed out | survived | no tests | score |", "|---|---|---|---|---|---|---|"]
    for module, counts in [*sorted(found.items()), ("all", sum(found.values(), Counter[str]()))]:
        told = [counts[name] for name in ("killed", "timeout", "survived", "no tests")]
        score = 100 * (told[0] + told[1]) / max(1, counts.total())
        lines.append(f"| {module} | {counts.total()} | {' | '.join(map(str, told))} | {score:.1f} % |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
