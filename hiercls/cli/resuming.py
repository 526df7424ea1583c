"""Answers that outlive an interruption: kept beside the file that they are for, until all are there.

Knows lines and files, and what makes two commands the same; not what is answered.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from hiercls.cli.app import counted, note
from hiercls.cli.documents import opened
from hiercls.errors import ConfigError
from hiercls.files import lock_beside, locked


def identity(files: Sequence[Path], *, asked: Sequence[object]) -> str:
    """What tells a command from another: the contents of the files that it reads, and what it asks of them.

    Args:
        files: The files.
        asked: Its options, as plain values.

    Returns:
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256(repr(list(asked)).encode())
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


@contextmanager
def resumed(output: Path | None, *, key: str | None, multiple: int) -> Iterator[tuple[TextIO, int]]:
    """Write lines that stay where the command is interrupted, and take the place of a file when all are there.

    Args:
        output: The file.
        key: What tells this command from another, whose lines are not gone on with; None: an interruption leaves none.
        multiple: Lines that are made together; of an interruption's lines so many are kept that it divides.

    Yields:
        Where to write, and the number of lines that are there.

    Raises:
        ConfigError: If there is no file to go on with.
        OSError: If the lines cannot be written; those that are stay.
    """
    if key is None:
        with opened(output) as stream:
            yield stream, 0
        return
    if output is None:
        raise ConfigError("--resume goes on with a file: give one by --output")
    target = output.resolve()
    part = target.with_name(f".{target.name}.{key}.part")
    with locked(lock_beside(part), wait=True):
        n_lines = _cut(part, multiple=multiple)
        if n_lines:
            note(f"going on after {counted(n_lines, 'answer')}")
        with part.open("a", encoding="utf-8", newline="\n") as stream:
            yield stream, n_lines
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    part.with_name(f".{part.name}.lock").unlink(missing_ok=True)
    note(f"wrote {output}")


def _cut(part: Path, *, multiple: int) -> int:
    """Take from a file what is no whole multiple of lines; the number of those left."""
    if not part.exists():
        return 0
    with part.open("rb+") as file:
        n_kept = n_bytes = end = 0
        for number, line in enumerate(file, start=1):
            end += len(line)
            if line.endswith(b"\n") and number % multiple == 0:
                n_kept, n_bytes = number, end
        file.truncate(n_bytes)
    return n_kept
