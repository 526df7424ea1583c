"""What the commands on documents share: labelled rows with all their problems at once, rejects, models, output files.

Knows rows, labels, files and where a model is; not what a model does.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from hiercls.cli.app import complain, counted, in_short, note, warn
from hiercls.errors import ConfigError, DataError, Problem
from hiercls.files import replacing

if TYPE_CHECKING:
    from hiercls.data.rejects import Reject
    from hiercls.data.rows import Row
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.taxonomy import Taxonomy
    from hiercls.taxonomy.labels import ResolvedLabels
    from hiercls.taxonomy.multilabels import Multilabels

SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave bad rows out and go on; without it, they are listed and it stops.")
]
Rejects = Annotated[
    Path | None,
    typer.Option("--rejects", metavar="FILE", help="Where bad rows are kept, all of them, with their reasons (JSONL)."),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The folder of a trained model.")]
Device = Annotated[str | None, typer.Option(help="Where to compute, such as cpu or cuda; by default a GPU if any.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipping:
    """What becomes of bad rows.

    Args:
        bad: Whether they are left out; else they end the command.
        rejects: The file that keeps them; None: none does.
    """

    bad: bool
    rejects: Path | None

    @classmethod
    def of(cls, skip_bad: bool, rejects: Path | None, *, default: Path | None = None) -> Skipping:
        """What the options say.

        Args:
            skip_bad: Whether bad rows are left out.
            rejects: The file that was given for them.
            default: The file for those left out where none was given.

        Returns:
            The two together.
        """
        return cls(bad=skip_bad, rejects=default if rejects is None and skip_bad else rejects)

    def settle(self, rejects: Sequence[Reject], *, n_rows: int) -> None:
        """Leave bad rows out and say so, or list what is wrong with the first of them and end the command.

        Args:
            rejects: The bad rows.
            n_rows: All rows, good and bad.

        Raises:
            Exit: If there are bad rows that may not be left out.
        """
        if not rejects:
            return
        kept = ""
        if self.rejects is not None:
            from hiercls.data.rejects import write_rejects

            write_rejects(self.rejects, rejects)
            kept = f"; they are in '{self.rejects}' with the reasons"
        if not self.bad:
            problems = [problem for reject in rejects for problem in reject.problems]
            complain(in_short(DataError(problems, subject="the data")))
            more = kept or "; --rejects FILE keeps all of them, with what is wrong with each"
            note(f"--skip-bad leaves these {counted(len(rejects), 'row')} out{more}")
            raise typer.Exit(code=1)
        warn(f"{counted(len(rejects), 'bad row')} of {n_rows:,} left out{kept}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledDocuments:
    """The good rows of labelled data.

    Args:
        rows: The rows.
        labels: Their labels, one entry a row.
    """

    rows: tuple[Row, ...]
    labels: ResolvedLabels | Multilabels


def read_labelled(
    taxonomy: Taxonomy, files: Sequence[Path], *, skipping: Skipping, multilabel: bool = False
) -> LabelledDocuments:
    """Read labelled files; everything that is wrong with any row of any of them is found before anything is said.

    Args:
        taxonomy: The map that labels are looked up in.
        files: The files.
        skipping: What becomes of bad rows.
        multilabel: Whether several labels of a row all hold, instead of narrowing its topic down.

    Returns:
        The good rows and their labels.

    Raises:
        DataError: If a file cannot be read at all; the problems of the others' rows are listed too.
        ConfigError: If no good row is left.
    """
    from hiercls.data.reading import read
    from hiercls.taxonomy.labels import resolve
    from hiercls.taxonomy.multilabels import resolve_multilabels

    rows: list[Row] = []
    rejects: list[Reject] = []
    unreadable: list[Problem] = []
    for file in files:
        try:
            table = read(file)
        except DataError as error:
            unreadable += error.problems
        else:
            rows += table.rows
            rejects += table.rejects
    resolution = resolve_multilabels(taxonomy, rows) if multilabel else resolve(taxonomy, rows)
    good = set(resolution.kept.tolist())
    rejects += _rejected([row for place, row in enumerate(rows) if place not in good], resolution.problems)
    order = {str(file): place for place, file in enumerate(files)}
    rejects.sort(key=lambda reject: (order.get(reject.problems[0].file or "", 0), reject.problems[0].line or 0))
    if unreadable:
        unreadable += [problem for reject in rejects for problem in reject.problems]
        raise DataError(unreadable, subject="the data")
    skipping.settle(rejects, n_rows=len(good) + len(rejects))
    if not good:
        raise ConfigError(f"expected labelled rows in {', '.join(map(repr, order))}, found none that can be used")
    return LabelledDocuments(rows=tuple(rows[place] for place in resolution.kept), labels=resolution.labels)


def _rejected(rows: Sequence[Row], problems: Sequence[Problem]) -> list[Reject]:
    """Rows whose labels are no good, each with its problems, which stand in the order of the rows."""
    from hiercls.data.rejects import reject_row

    found: defaultdict[tuple[str | None, int | None], list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.file, problem.line].append(problem)
    return [reject_row(row, *dict.fromkeys(found[row.file, row.line])) for row in rows]


def load_model(model: Path, device: str | None, *, output: Path | None = None) -> HierarchicalTextClassifier:
    """Load a trained model.

    Args:
        model: Its folder.
        device: Where to compute; None: a GPU where there is one.
        output: The folder it will be saved to; it may be no other model's.

    Returns:
        The trained estimator.

    Raises:
        ConfigError: If something stands at the output, or there is no such device.
    """
    if output is not None and output.exists():
        raise ConfigError(f"'{output}' is there already; without --output the model is changed in place")
    from hiercls.estimator import HierarchicalTextClassifier

    classifier: HierarchicalTextClassifier = HierarchicalTextClassifier.from_pretrained(model, device=device_of(device))
    return classifier


def device_of(name: str | None) -> str | None:
    """A device's name, checked.

    Args:
        name: Such as ``cpu`` or ``cuda:0``; None: whatever there is.

    Returns:
        The same name.

    Raises:
        ConfigError: If there is no such device.

    Example:
        >>> device_of("cpu")
        'cpu'
    """
    import torch

    try:
        torch.empty(0, device=name or "cpu")
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"there is no device '{name}' here; leave --device out, or give cpu or cuda") from error
    return name


def shows_progress() -> bool:
    """Whether someone is looking: progress bars are for terminals, and would fill a log."""
    return sys.stderr.isatty()


def is_first() -> bool:
    """Whether this process, of those that were launched to train together, is the one that says and writes."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def one_voice() -> Iterator[None]:
    """Let the first process alone say what all of them do; an error is said by each that has it."""
    if is_first():
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def program() -> str:
    """How this command line was called, so that a printed command can be typed.

    Returns:
        ``hiercls`` where that is found on the path and is this one, else what was typed.
    """
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m hiercls"
    found = shutil.which(called.name)
    is_this = found is not None and called.exists() and Path(found).samefile(called)
    return called.name if is_this else shlex.quote(sys.argv[0])


@contextmanager
def warnings_said() -> Iterator[None]:
    """Let the library's warnings be said like the command line's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", category=UserWarning)
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield


@contextmanager
def opened(path: Path | None) -> Iterator[TextIO]:
    """Where results are written: a file, which appears whole or not at all, or stdout.

    Args:
        path: The file; None: stdout.

    Yields:
        The open file.
    """
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with replacing(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        yield file
    note(f"wrote {path}")
