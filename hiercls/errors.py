"""Every error that hiercls raises on purpose, and the problem record that errors are made of.

Knows nothing of taxonomies, data or models: it only knows how to say what was expected, what came, where, and
what to do about it.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input, and where it stands.

    Args:
        message: What was expected and what came.
        file: The file's name, or ``None`` where the input was no file.
        line: The line in the file, from 1.
        column: The column in the line, from 1.
        path: The path inside the document, such as ``customers.one.ABC``.
        hint: What to do about it.

    Example:
        >>> print(Problem(message="expected a topic, got 'Q'", file="t.yaml", line=3, hint="did you mean 'A'?"))
        t.yaml:3: expected a topic, got 'Q'; did you mean 'A'?
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str | None = None
    hint: str | None = None

    @property
    def place(self) -> str:
        """Where the problem stands, as ``file:line:column`` with the parts that are known."""
        parts = [self.file or ("line" if self.line else ""), self.line, self.column]
        return ":".join(str(part) for part in parts if part)

    def __str__(self) -> str:
        """The problem on one line: place, path, message, hint."""
        text = f"{self.place}: " if self.place else ""
        text += f"at {self.path}: " if self.path else ""
        text += self.message
        return f"{text}; {self.hint}" if self.hint else text


class HierclsError(Exception):
    """Base of all errors that hiercls raises on purpose."""


class ProblemsError(HierclsError, ValueError):
    """An input with one or more problems, all of which are reported at once.

    Args:
        problems: What is wrong, in the order of the input.
        subject: What the problems are in, for the first line.
    """

    def __init__(self, problems: Iterable[Problem], *, subject: str) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in {subject}:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))
        self.subject = subject

    def __reduce__(self) -> tuple[Any, ...]:
        """What is sent to another process."""
        return partial(type(self), subject=self.subject), (self.problems,), vars(self)


class TaxonomyError(ProblemsError):
    """A taxonomy or customer file that cannot be used."""


class DataError(ProblemsError):
    """Rows that cannot be used: null texts, unknown views, labels that are no class of their view."""


class SettingsError(ProblemsError):
    """A file of settings that cannot be used."""


class ConfigError(HierclsError, ValueError):
    """A setting that is not allowed, or that does not fit the others."""


class IndivisibleError(ConfigError):
    """Texts of which a part was to be held out, and which must all stay together."""


class NotPromisedError(ConfigError, AttributeError):
    """What only a model has that was shown held-out documents; not having it yet is no error to who merely looks."""


class InputTypeError(HierclsError, TypeError):
    """An argument of the wrong kind, such as one string where a list of strings was expected."""


class MissingExtraError(HierclsError, ImportError):
    """A feature whose optional dependency is not installed."""


class EncoderNotFoundError(HierclsError, OSError):
    """An encoder that is neither installed, nor cached, nor to be had from the hub."""


class ModelFolderError(HierclsError, OSError):
    """A folder that does not hold a whole saved model."""


class TrainingError(HierclsError, RuntimeError):
    """A training run that had to stop, such as on a loss that is not finite.

    Args:
        message: What happened, and where.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.kept: object | None = None
        """What was trained up to there; ``None`` where no epoch was finished."""


class CheckpointError(TrainingError):
    """A folder of checkpoints that cannot be written, is another training's, or holds none that is whole."""


_TELLING = ("openvino", "nncf")
"""Optional dependencies that send telemetry unless it is declined."""


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional dependency, or say how to install it.

    Args:
        module: The module's name, such as ``pyarrow.parquet``.
        extra: The extra of hiercls that installs it, such as ``tables``.

    Returns:
        The imported module.

    Raises:
        MissingExtraError: If the module is not installed; the message is the pip line.

    Example:
        >>> require("json", extra="none").__name__
        'json'
    """
    if module.split(".")[0] in _TELLING:
        _decline_telemetry()
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtraError(
            f"this needs the package '{module.split('.')[0]}', which is not installed; "
            f"install it with: pip install 'hiercls[{extra}]'"
        ) from error


def _decline_telemetry() -> None:
    """Keep OpenVINO and NNCF from telling their makers that they are used, in this process."""
    try:
        consent = importlib.import_module("openvino_telemetry.utils.opt_in_checker")
    except ImportError:
        return
    consent.OptInChecker.check = lambda *_, **__: consent.ConsentCheckResult.DECLINED


def nearest(name: str, legal: Iterable[str]) -> str | None:
    """A hint that names the legal names nearest to a wrong one.

    Args:
        name: The name that came.
        legal: The names that would have been right.

    Returns:
        Such as ``"did you mean 'A'?"``; ``None`` where there are no legal names.

    Example:
        >>> nearest("Sprots", ["Sport", "Science"])
        "did you mean 'Sport'?"
    """
    names = list(legal)
    lowered = {candidate.lower(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(lowered[match]) for match in close)}?"
    if not names:
        return None
    shown = ", ".join(repr(candidate) for candidate in names[:8])
    return f"one of {shown}{', …' if len(names) > 8 else ''}"
