"""A folder by its address, on this machine or elsewhere, into which files go whole or not at all.

Knows fsspec's addresses (``folder``, ``file://``, ``s3://``, ``memory://``); not what is in a file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from hiercls.errors import ConfigError, MissingExtraError
from hiercls.files import replacing


def filesystem(address: str) -> tuple[Any, str]:
    """What reads and writes at an address.

    Args:
        address: A path, or a URL that fsspec knows.

    Returns:
        The file system, and the path in it.

    Raises:
        ConfigError: If there is no such kind of address.
        MissingExtraError: If its kind needs a package that is not installed.

    Example:
        >>> filesystem("memory://folder/file")[1]
        '/folder/file'
    """
    try:
        found, path = url_to_fs(address)
    except ImportError as error:
        raise MissingExtraError(f"'{address}' cannot be reached: {error}") from error
    except ValueError as error:
        raise ConfigError(f"expected a path, or a URL such as s3://bucket/folder, got '{address}' ({error})") from error
    return found, path


class Storage:
    """A folder for results.

    Args:
        address: Its path or URL; it is made when the first file is written.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._files, self._root = filesystem(address)

    def __reduce__(self) -> tuple[Any, ...]:
        """What is sent to another process: the address."""
        return Storage, (self.address,)

    @property
    def root(self) -> str:
        """The folder's whole address, with its protocol."""
        return str(self._files.unstrip_protocol(self._root.rstrip("/")))

    def sizes(self, folder: str = "") -> dict[str, int]:
        """The files of the folder, or of one in it.

        Args:
            folder: The name of a folder in it; none: itself.

        Returns:
            Bytes of each file, by its name.
        """
        self._files.invalidate_cache()
        try:
            listed = self._files.ls(self._path(folder), detail=True)
        except FileNotFoundError:
            return {}
        return {one["name"].rstrip("/").rsplit("/", 1)[-1]: one["size"] for one in listed if one["type"] == "file"}

    def read(self, name: str) -> bytes:
        """The content of a file."""
        content: bytes = self._files.cat_file(self._path(name))
        return content

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self._files.exists(self._path(name)):
            self._files.rm_file(self._path(name))

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """Write a file whole or not at all.

        On this machine it is written aside, synced to the disk and renamed. Elsewhere it is written here, and sent
        whole under a name of its own, which is then changed; object stores show what is sent when all of it is there.

        Args:
            name: Its name in the folder.

        Yields:
            The path on this machine to write to.
        """
        target = self._path(name)
        if isinstance(self._files, LocalFileSystem):
            with replacing(Path(target)) as aside:
                yield aside
            _sync(Path(target).parent)
            return
        with tempfile.TemporaryDirectory(prefix="hiercls-") as folder:
            here = Path(folder, "file")
            yield here
            self._files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
            if _is_object_store(self._files):
                self._files.put_file(str(here), target)
            else:
                self._files.put_file(str(here), f"{target}.part")
                self._files.mv(f"{target}.part", target)

    def sweep(self) -> None:
        """Remove what runs that were killed left aside; for when nobody writes there any more."""
        if isinstance(self._files, LocalFileSystem):
            for aside in Path(self._root).rglob(".hiercls-*.part"):
                aside.unlink(missing_ok=True)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}".rstrip("/")


def _is_object_store(files: Any) -> bool:
    """Whether a file appears there when all of it was sent."""
    protocols = {files.protocol} if isinstance(files.protocol, str) else {*files.protocol}
    return bool(protocols & {"s3", "gs", "gcs", "abfs", "az", "memory"})


def _sync(folder: Path) -> None:
    """Write a folder's names through to the disk, where the system can."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
