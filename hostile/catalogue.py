"""The catalogue: every whole input damaged in every way we could think of, and what was made to do harm.

Deterministic, so that what fails can be run again by its name. Knows formats; not hiercls's answer to any of them.
"""

from __future__ import annotations

import gzip
import itertools
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from hostile.tables import delimited_cases, parquet_cases
from hostile.texts import line_cases, yaml_cases
from hostile.wholes import rezipped, wholes

N_PATHS = 48
"""The most places of one JSON document that are damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One input of the catalogue.

    Args:
        door: The door that it comes to.
        kind: What is wrong with it; once a door.
        make: Makes the bytes, when it is asked for: some are large.
    """

    door: str
    kind: str
    make: Callable[[], bytes]


@cache
def catalogue() -> tuple[Case, ...]:
    """All cases, each kind once a door."""
    return tuple(_cases())


def _cases() -> Iterator[Case]:
    for number, (door, data) in enumerate(wholes()):
        place = f"whole {number}"
        for kind, damage in DAMAGES.items():
            yield _case(door, f"{place}, {kind}", lambda damage=damage, data=data: damage(data))
        prefix, body = _divided(door, data)
        parsed = _parsed(body)
        if parsed is not None:
            for kind, text in _json_damages(parsed):
                yield _case(door, f"{place}, {kind}", lambda prefix=prefix, text=text: prefix + text())
        if _is_safetensors(body):
            for kind, made in _tensor_damages(body):
                yield _case(door, f"{place}, {kind}", lambda prefix=prefix, made=made: prefix + made)
        if data.startswith(b"PK"):
            for kind, made in _archive_damages(data):
                yield _case(door, f"{place}, {kind}", lambda made=made: made)
    parts = (yaml_cases(), line_cases(), delimited_cases(), parquet_cases())
    for door, kind, make in itertools.chain(*parts):
        yield _case(door, kind, make)


def _case(door: str, kind: str, make: Callable[[], bytes]) -> Case:
    return Case(door=door, kind=kind, make=make)


def _cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


def _into(what: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[: len(data) // 2] + what + data[len(data) // 2 :]


def _swapped(data: bytes) -> bytes:
    half = len(data) // 2
    return data[half:] + data[:half]


def _flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    for place in range(len(changed) // 3, len(changed), 97):
        changed[place] ^= 0x20
    return bytes(changed)


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "nothing": lambda data: b"",
    "its first byte alone": lambda data: data[:1],
    "cut at a quarter": _cut(0.25),
    "cut in the middle": _cut(0.5),
    "cut at three quarters": _cut(0.75),
    "without its last byte": lambda data: data[:-1],
    "without its first bytes": lambda data: data[3:],
    "NUL at its head": lambda data: b"\0" + data,
    "NUL in the middle": _into(b"\0"),
    "NULs for its second half": lambda data: data[: len(data) // 2].ljust(len(data), b"\0"),
    "a byte that is no UTF-8": _into(b"\xff"),
    "half a surrogate pair": _into(b"\xed\xa0\x80"),
    "a character that reverses text": _into("\u202e".encode()),
    "a control character": _into(b"\x07"),
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode("latin-1").encode("utf-16"),
    "twice": lambda data: data * 2,
    "its halves exchanged": _swapped,
    "backwards": lambda data: data[::-1],
    "bits flipped": _flipped,
    "compressed": gzip.compress,
    "random bytes": lambda data: np.random.default_rng(len(data)).bytes(len(data)),
    "a bracket for every third byte": lambda data: bytes(91 if n % 3 == 0 else b for n, b in enumerate(data)),
    "carriage returns": lambda data: data.replace(b"\n", b"\r"),
    "a megabyte of spaces": _into(b" " * 2**20),
    "a megabyte of brackets": _into(b"[" * 2**20),
}
"""Damages to any bytes."""


def _divided(door: str, data: bytes) -> tuple[bytes, bytes]:
    """What a door reads apart, and the document itself."""
    if door == "model":
        return data[:1], data[1:]
    if door == "request":
        line, kind, body = data.split(b"\n", 2)
        return line + b"\n" + kind + b"\n", body
    return b"", data


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


_ODD_VALUES: Mapping[str, str] = {
    "null": "null",
    "true": "true",
    "-1": "-1",
    "0": "0",
    "a half": "0.5",
    "infinity": "1e999",
    "not a number": "NaN",
    "a number of 400 digits": "9" * 400,
    "a number of 5,000 digits": "9" * 5000,
    "2 to the 62": str(2**62),
    "nothing": '""',
    "a word": '"x"',
    "half a surrogate pair": '"\\ud800"',
    "NUL": '"a\\u0000b"',
    "a reversing character": '"a\\u202eb"',
    "a way out": '"../../../../../../etc/passwd"',
    "an empty list": "[]",
    "an empty object": "{}",
    "lists in lists": "[" * 200 + "]" * 200,
    "a list of everything": '[null, 1, "x", [], {}]',
}
"""What comes in the place of a value."""
_LARGE_VALUES: Mapping[str, Callable[[], str]] = {
    "a word of a million letters": lambda: '"' + "x" * 10**6 + '"',
    "a hundred thousand numbers": lambda: json.dumps(list(range(10**5))),
    "100,000 lists in lists": lambda: "[" * 10**5 + "]" * 10**5,
}


def _json_damages(document: Any) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """A JSON document with one value replaced, left out or there twice."""
    paths = list(_paths(document, ()))[:N_PATHS]
    for path in paths:
        where = "/".join(map(str, path)) or "all"
        for kind, text in _ODD_VALUES.items():
            yield f"{where}: {kind}", lambda path=path, text=text: _replaced(document, path, text)
        if path and isinstance(path[-1], str):
            yield f"{where} left out", lambda path=path: _without(document, path)
            yield f"{where} twice", lambda path=path: _twice(document, path)
    for path, (kind, make) in itertools.product(paths[:6], _LARGE_VALUES.items()):
        where = "/".join(map(str, path)) or "all"
        yield f"{where}: {kind}", lambda path=path, make=make: _replaced(document, path, make())


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, part in items:
        yield from _paths(part, (*path, key))


_MARK = "\x01the place\x01"


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _replaced(document: Any, path: tuple[Any, ...], text: str) -> bytes:
    if not path:
        return text.encode()
    copy = json.loads(json.dumps(document))
    _at(copy, path[:-1])[path[-1]] = _MARK
    return json.dumps(copy).replace(json.dumps(_MARK), text).encode()


def _without(document: Any, path: tuple[Any, ...]) -> bytes:
    copy = json.loads(json.dumps(document))
    del _at(copy, path[:-1])[path[-1]]
    return json.dumps(copy).encode()


def _twice(document: Any, path: tuple[Any, ...]) -> bytes:
    copy = json.loads(json.dumps(document))
    parent = _at(copy, path[:-1])
    value = json.dumps(parent[path[-1]])
    parent[path[-1]] = _MARK
    key = json.dumps(path[-1])
    return json.dumps(copy).replace(json.dumps(_MARK), f"{value}, {key}: {value}").encode()


def _is_safetensors(body: bytes) -> bool:
    return len(body) > 8 and body[8:9] == b"{" and int.from_bytes(body[:8], "little") < len(body)


def _tensor_damages(body: bytes) -> Iterator[tuple[str, bytes]]:
    """A safetensors file whose header says something else than the truth."""
    size = int.from_bytes(body[:8], "little")
    header, rest = json.loads(body[8 : 8 + size]), body[8 + size :]

    def packed(changed: Any, tail: bytes = rest) -> bytes:
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text)) + text + tail

    for wrong in (0, 1, size - 1, len(body), 2**31, 2**40, 2**63, 2**64 - 1):
        yield f"a header of {wrong} bytes", struct.pack("<Q", wrong) + body[8:]
    yield "numbers that are none", packed(header, b"\xff" * len(rest))
    for kind, changed in (("no tensors", {}), ("a list for a header", []), ("a number for a header", 3)):
        yield kind, packed(changed)
    for name in [name for name in header if name != "__metadata__"][:8]:
        entry = header[name]
        start, end = entry["data_offsets"]
        changes: dict[str, Any] = {
            "an unknown type": {"dtype": "X9"},
            "another type": {"dtype": "U8"},
            "a huge shape": {"shape": [2**40, 2**20]},
            "a negative shape": {"shape": [-1]},
            "no shape": {"shape": []},
            "another shape": {"shape": [1, *entry["shape"]]},
            "an offset behind the end": {"data_offsets": [start, end + 2**33]},
            "a negative offset": {"data_offsets": [-8, end]},
            "offsets exchanged": {"data_offsets": [end, start]},
            "offsets that are words": {"data_offsets": ["a", "b"]},
        }
        for kind, change in changes.items():
            yield f"{name}: {kind}", packed({**header, name: {**entry, **change}})
        others = {key: value for key, value in header.items() if key != name}
        yield f"{name} left out", packed(others)
        yield f"{name} renamed", packed({**others, "stranger": entry})


def _archive_damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    """A skops archive that names what it should not, or unpacks to more than it seems."""
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        schema = json.loads(archive.read("schema.json"))
    for module, kind in (("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("posix", "system")):
        changed = {**schema, "__module__": module, "__class__": kind}
        yield f"a {module}.{kind}", rezipped(data, "schema.json", json.dumps(changed).encode())
    for key in schema:
        for kind, value in (("null", None), ("a word", "x"), ("a list", []), ("a huge number", 10**30)):
            yield f"{key}: {kind}", rezipped(data, "schema.json", json.dumps({**schema, key: value}).encode())
    for kind, content in (("nothing", b""), ("no JSON", b"{"), ("lists in lists", b"[" * 10**5)):
        yield f"schema: {kind}", rezipped(data, "schema.json", content)
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    for name in [name for name in names if name.endswith(".npy")][:4]:
        for kind, content in (("a pickle", pickled.getvalue()), ("nothing", b""), ("text", b"x" * 99)):
            yield f"an array that is {kind} ({names.index(name)})", rezipped(data, name, content)
