"""Files: what stands at a path before it is read, and writing that leaves the old file whole until the new one is.

Knows paths; not what is in a file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hiercls.errors import Problem, nearest

_KINDS = (
    (stat.S_ISDIR, "a folder", "name a file in it"),
    (stat.S_ISFIFO, "a named pipe", "write what it carries to a file"),
    (stat.S_ISSOCK, "a socket", "write what it carries to a file"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device", "copy what it holds to a file"),
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
OFFLINE = "HIERCLS_OFFLINE"
"""The environment variable that forbids all downloads, as ``HF_HUB_OFFLINE`` does those from the hub."""


def is_offline() -> bool:
    """Whether nothing may be fetched from the network."""
    return os.environ.get(OFFLINE, "").strip().lower() not in ("", "0", "false", "no", "off")


def not_a_file(path: str | Path, *, extensions: Sequence[str]) -> Problem | None:
    """What stands at a path where a file to be read should; without opening it, since that may wait for ever.

    ``/dev/stdin``, and what a shell makes of ``<(command)``, are open already and so as good as files.

    Args:
        path: The path.
        extensions: How files of the kind end, to name the nearest in the folder where there is none of this name.

    Returns:
        The problem; ``None`` for a file, and for what only opening it can tell.

    Example:
        >>> print(not_a_file("/", extensions=[".yaml"]))
        /: expected a file, got a folder; name a file in it
    """
    if os.fspath(path).startswith(_STREAMS):
        return None
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        hint = nearest(Path(path).name, _siblings(Path(path).parent, extensions))
        return Problem(message="there is no such file", file=str(path), hint=hint)
    except OSError:
        return None
    for is_kind, kind, hint in _KINDS:
        if is_kind(mode):
            return Problem(message=f"expected a file, got {kind}", file=str(path), hint=hint)
    return None


def _siblings(folder: Path, extensions: Sequence[str]) -> list[str]:
    """The names of the files of a kind in a folder; none where it cannot be listed."""
    try:
        return sorted(name for name in os.listdir(folder) if Path(name).suffix.lower() in extensions)
    except OSError:
        return []


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all: aside first, then renamed into place, so that an old file stays until then.

    Args:
        path: Where to; missing folders are made. The file that a link points to is replaced, not the link; a device
            or a pipe is written to as it is.

    Yields:
        The path to write to. If the block ends well its content takes the place of ``path``, else it is removed.

    Raises:
        OSError: If the file cannot be written; the error names ``path``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(Path(folder, "new", "file.txt")) as aside:
        ...         count = aside.write_text("whole")
        ...     Path(folder, "new", "file.txt").read_text()
        'whole'
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield path
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".hiercls-{uuid.uuid4().hex}.part")
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            aside.chmod(stat.S_IMODE(target.stat().st_mode))
        aside.replace(target)
    except OSError as error:
        if error.filename == str(aside) or (error.filename is None and error.errno in _FULL):
            error.filename = str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Write a folder whole or not at all: aside first, then renamed into place, so that an old one stays until then.

    An old folder has to make room first: a process that is killed between two renames leaves it beside, under a name
    that begins with ``.`` and ends in ``.old``.

    Args:
        folder: Where to; missing folders above it are made.

    Yields:
        An empty folder to write to. If the block ends well it takes the place of ``folder``, else it is removed.

    Raises:
        OSError: If it cannot be made, or not be put in place; what stood there is untouched.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     with replacing_folder(Path(place, "new")) as aside:
        ...         count = (aside / "file.txt").write_text("whole")
        ...     Path(place, "new", "file.txt").read_text()
        'whole'
    """
    target = folder.resolve()
    aside = target.parent / f".{target.name}.{uuid.uuid4().hex}"
    old = aside.with_name(aside.name + ".old")
    try:
        aside.mkdir(parents=True)
        yield aside
        for file in (path for path in aside.rglob("*") if path.is_file()):
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        if target.exists():
            target.rename(old)
        aside.rename(target)
        settle(target.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(aside, ignore_errors=True)


def sha256(file: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def settle(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk, so that a power cut takes none of them."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a file that one process at a time can hold; the system lets go of it when the process ends, however it does.

    Args:
        path: The file; made where it is not there, and left there.
        wait: Whether to wait until no other process has it.

    Yields:
        Whether this process has it; False where another has.

    Raises:
        OSError: If the file cannot be opened.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "lock")) as mine:
        ...     mine
        True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        yield _take(file, wait=wait)


def lock_beside(path: Path) -> Path:
    """The file to hold while another is changed."""
    path = path.resolve()
    return path.with_name(f".{path.name}.lock")


def _take(file: IO[str], *, wait: bool) -> bool:
    """Take an open file's lock, now or in time."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Args:
        path: Where to; missing folders are made.
        text: What.

    Raises:
        OSError: If the file cannot be written; the error names ``path``.
    """
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")
