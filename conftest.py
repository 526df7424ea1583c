"""What holds for every test: nothing goes to the network or the user's cache, and nothing skips silently.

A test that skips (or is expected to fail) where ``CI`` is true, and whose id is not a line of
``tests/allowed_skips.txt``, fails the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Read when transformers and huggingface_hub are imported, hence here and not in a fixture.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

ALLOWED = Path(__file__).parent / "tests" / "allowed_skips.txt"


class SkipAudit:
    """Collects what was skipped, and fails a run in CI for skips that are not allowed.

    Args:
        allowed: Ids of the tests that may skip.
        strict: Whether a skip that is not allowed fails the run.
    """

    def __init__(self, allowed: frozenset[str], *, strict: bool) -> None:
        self.allowed = allowed
        self.strict = strict
        self.skipped: dict[str, str] = {}

    @property
    def unexpected(self) -> list[str]:
        """The skips that are not allowed, as ``id: reason``."""
        return [f"{name}: {why}" for name, why in self.skipped.items() if name not in self.allowed]

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Remember a report that says skipped."""
        if report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else "expected to fail"
            self.skipped[report.nodeid] = why

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        if self.strict and self.unexpected and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unexpected:
            terminalreporter.section("skips that tests/allowed_skips.txt does not list")
            for line in self.unexpected:
                terminalreporter.line(line)


def read_allowed(path: Path) -> frozenset[str]:
    """The ids listed in a file, one a line; ``#`` starts a comment."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line)


def pytest_configure(config: pytest.Config) -> None:
    audit = SkipAudit(read_allowed(ALLOWED), strict=os.environ.get("CI", "").lower() in {"1", "true"})
    config.pluginmanager.register(audit, "skip-audit")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the user's cache of encodings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIERCLS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
