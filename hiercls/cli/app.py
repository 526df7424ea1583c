"""What all commands share: how errors end a command, how versions and results are printed.

Knows no command. Results go to stdout, all else to stderr, so that a pipe carries results alone; colours appear only
on terminals, and not where ``NO_COLOR`` is set.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hiercls.errors import ConfigError, HierclsError, ProblemsError
from hiercls.files import write_text

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

N_PROBLEMS = 20
"""Problems of an input that are said on stderr; how many more there are is said after them."""


class CommandLine(TyperGroup):
    """A group of commands whose errors are said on stderr without a traceback, and end with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error that a user can mend becomes its message and exit code 1."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except HierclsError as error:
            complain(in_short(error) if isinstance(error, ProblemsError) else str(error))
        except OSError as error:
            if error.errno == errno.EPIPE or error.filename is None:
                raise
            complain(f"{error.strerror}: '{error.filename}'")
        raise typer.Exit(code=1)


def complain(message: str) -> None:
    """Print an error to stderr, without ending the command."""
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {message}", err=True)


def in_short(error: ProblemsError) -> str:
    """An error with its first problems, and how many more there are.

    Args:
        error: An error that may have thousands of problems.

    Returns:
        As many lines as a terminal shows.

    Example:
        >>> from hiercls.errors import DataError, Problem
        >>> lines = in_short(DataError([Problem(message="no text")] * 1000, subject="the data")).splitlines()
        >>> lines[0], len(lines), lines[-1]
        ('1000 problems in the data:', 22, '  and 980 more problems')
    """
    n_more = len(error.problems) - N_PROBLEMS
    lines = str(error).splitlines()[: 1 + N_PROBLEMS]
    return "\n".join([*lines, *([f"  and {counted(n_more, 'more problem')}"] if n_more > 0 else [])])


def warn(message: str) -> None:
    """Print a warning to stderr."""
    typer.echo(f"{typer.style('warning:', fg='yellow', bold=True)} {message}", err=True)


def note(message: str) -> None:
    """Print to stderr what is no result: progress, and where a file went."""
    typer.echo(message, err=True)


def to_json(value: object) -> str:
    """A result as JSON that people can read."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """A result as JSON has it: arrays as lists, records as objects, what is no number as null.

    Args:
        value: Any result.

    Returns:
        Plain data.

    Example:
        >>> from hiercls.errors import Problem
        >>> plain({"problems": (Problem(message="no", line=3),), "loss": float("nan")})["loss"] is None
        True
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if hasattr(value, "toarray"):
        return plain(value.toarray())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(value: object, lines: Sequence[str], *, as_json: bool) -> None:
    """Print a result to stdout: as JSON, or in words."""
    typer.echo(to_json(plain(value)) if as_json else "\n".join(lines))


def write(path: Path, text: str, *, force: bool) -> None:
    """Write a file, whole or not at all, and say so on stderr.

    Args:
        path: Where to; missing folders are made.
        text: What.
        force: Whether a file that is there may be overwritten.

    Raises:
        ConfigError: If there is a file and it may not be overwritten.
    """
    check_free(path, force=force)
    write_text(path, text)
    note(f"wrote {path}")


def check_free(path: Path, *, force: bool) -> None:
    """Find out, before long work, that a file may not be written.

    Args:
        path: Where it should go.
        force: Whether a file that is there may be overwritten.

    Raises:
        ConfigError: If there is a file and it may not be overwritten.
    """
    if path.exists() and not force:
        raise ConfigError(f"'{path}' is there already; --force overwrites it")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number of things in words.

    Args:
        number: How many.
        noun: What, in the singular.
        plural: What, in the plural; by default with an s.

    Returns:
        The number with thousands apart, and the noun.

    Example:
        >>> counted(1, "row"), counted(1200, "row")
        ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, the columns aligned.

    Args:
        rows: The cells of each row; rows may have different lengths.

    Returns:
        One line per row, without trailing spaces.

    Example:
        >>> aligned([("one", "3"), ("three", "4")])
        ['one    3', 'three  4']
    """
    n_columns = max((len(row) for row in rows), default=0)
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(n_columns)]
    padded = (zip(row, widths, strict=False) for row in rows)
    return ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in padded]


def show_version(value: bool) -> None:
    """Print the version and stop, where it was asked for."""
    if value:
        from hiercls import __version__

        typer.echo(f"hiercls {__version__}")
        raise typer.Exit
