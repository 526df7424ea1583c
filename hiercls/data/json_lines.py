"""Lines as raw records: JSONL, and plain texts one per line.

Knows UTF-8 and JSON, not what the keys mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from hiercls.data.records import Record
from hiercls.data.rejects import Reject
from hiercls.data.rows import describe
from hiercls.errors import DataError, Problem

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def line_records(lines: Iterable[str | bytes], *, name: str, are_json: bool) -> Iterator[Record | Reject]:
    """The rows of a file or stream, one a line.

    Args:
        lines: The lines, as text or as UTF-8 bytes.
        name: The file's name for messages.
        are_json: Whether each line is an object, blank lines left aside; else each is a text, which may be empty.

    Yields:
        A record per line, or a reject.

    Example:
        >>> [record.cells for record in line_records(['{"text": "a"}', ""], name="-", are_json=True)]
        [{'text': 'a'}]
        >>> [record.cells for record in line_records(["a", ""], name="-", are_json=False)]
        [{'text': 'a'}, {'text': ''}]
    """
    for number, line in enumerate(lines, start=1):
        text, fault = decode_line(line, first=number == 1)
        if are_json and not text.strip():
            continue
        cells: dict[str, Any] = {"text": text}
        column = None
        if are_json and fault is None:
            cells, fault, column = _parse_object(text)
        if fault is None:
            yield Record(cells=cells, file=name, line=number)
        else:
            yield Reject(raw=text, problems=(Problem(message=fault, file=name, line=number, column=column),))


def json_records(path: Path) -> Iterator[Record | Reject]:
    """The rows of a JSONL file.

    Args:
        path: The file.

    Yields:
        A record per line that is not blank, or a reject.

    Raises:
        DataError: If the file is UTF-16, or one JSON array.
    """
    with path.open("rb") as file:
        yield from open_json_records(file, name=str(path))


def open_json_records(file: IO[bytes], *, name: str) -> Iterator[Record | Reject]:
    """The rows of a JSONL file that is open, from wherever it comes.

    Args:
        file: The file, at its beginning, which can go back there.
        name: Its name for messages.

    Yields:
        A record per line that is not blank, or a reject.

    Raises:
        DataError: If the file is UTF-16, or one JSON array.
    """
    refuse_utf16(file, name=name)
    start = file.read(64).removeprefix(_BYTE_ORDER_MARK).lstrip()
    file.seek(0)
    if start.startswith(b"["):
        hint = "write one object per line, without the brackets and commas around them"
        problem = Problem(message="expected JSONL, got one JSON array", file=name, line=1, hint=hint)
        raise DataError([problem], subject=f"'{name}'")
    yield from line_records(file, name=name, are_json=True)


def decode_line(line: str | bytes, *, first: bool) -> tuple[str, str | None]:
    """A line without its end and a byte order mark, and what is wrong with its bytes.

    Args:
        line: The line as it came.
        first: Whether it is the first one, which may begin with a byte order mark.

    Returns:
        The text, with undecodable bytes as escapes, and the message or ``None``.
    """
    if isinstance(line, str):
        return (line.removeprefix("\ufeff") if first else line).rstrip("\r\n"), None
    line = line.removeprefix(_BYTE_ORDER_MARK) if first else line
    try:
        return line.decode().rstrip("\r\n"), None
    except UnicodeDecodeError as error:
        text = line.decode(errors="backslashreplace").rstrip("\r\n")
        return text, not_utf8(line[error.start])


def not_utf8(byte: int) -> str:
    """The message for a byte that is no UTF-8.

    Args:
        byte: The first such byte.

    Returns:
        The message with its remedy.
    """
    return f"expected UTF-8, got the byte 0x{byte:02x}; save the file as UTF-8 (it may be Windows-1252 or Latin-1)"


def refuse_utf16(file: IO[bytes], *, name: str) -> None:
    """Refuse a file that says it is UTF-16, before each of its lines becomes a problem.

    Args:
        file: The file, at its beginning, where it is left.
        name: Its name for messages.

    Raises:
        DataError: If the file begins with UTF-16's byte order mark.
    """
    start = file.read(2)
    file.seek(0)
    if start in (b"\xff\xfe", b"\xfe\xff"):
        problem = Problem(message="expected UTF-8, got UTF-16", file=name, hint="save the file as UTF-8")
        raise DataError([problem], subject=f"'{name}'")


def _parse_object(text: str) -> tuple[dict[str, Any], str | None, int | None]:
    """The object on a line; or the message, and the column where that is known."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        return {}, f"not valid JSON ({error.msg})", error.colno
    except RecursionError:
        return {}, "not usable JSON (nested too deeply)", None
    except ValueError as error:
        return {}, f"not usable JSON ({error})", None
    if isinstance(value, dict):
        return value, None, None
    return {}, f"expected an object with the columns as keys, got {describe(value)}", None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's keys and values; a key that stands twice is an error."""
    cells: dict[str, Any] = {}
    for key, value in pairs:
        if key in cells:
            raise ValueError(f"the key {key!r} stands twice")
        cells[key] = value
    return cells
