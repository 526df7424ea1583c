"""Hostile YAML, lines, labels, requests and documents, made to do harm. Knows formats; not hiercls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

Made = tuple[str, str, Callable[[], bytes]]
"""A door, a kind, and what makes the bytes."""

ODD_TEXTS: Mapping[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "a space": lambda: " ",
    "NULs": lambda: "\0 \0\0",
    "emoji": lambda: "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪" * 50,
    "mixed scripts": lambda: "hello мир 世界 שלום مرحبا नमस्ते สวัสดี 안녕",
    "accents without end": lambda: "a" + "\u0301" * 10_000,
    "reversed text": lambda: "\u202egnp.exe\u202c \u2066x\u2069",
    "control characters": lambda: "".join(map(chr, range(32))),
    "private and unassigned": lambda: "\ue000\U000f0000\U0010ffff\ufdd0",
    "a line of a million letters": lambda: "a" * 10**6,
    "a line of a million words": lambda: "venus " * 10**6,
    "ten megabytes": lambda: "The rocket left for Venus. " * 400_000,
    "a million lines": lambda: "a\n" * 10**6,
    "markup": lambda: "<script>alert(1)</script><!-- ]]> {{7*7}} ${x} %s %n",
}
"""Documents that are odd, and legal."""

_REVERSING = (
    "\u202a",
    "\u202b",
    "\u202c",
    "\u202d",
    "\u202e",
    "\u2066",
    "\u2067",
    "\u2068",
    "\u2069",
    "\u200e",
    "\u200f",
)
_HIDDEN = (
    "\u061c",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u2028",
    "\u2029",
    "\x85",
    "\x07",
    "\x1b",
    "\x7f",
    "\x9b",
    "\t",
    "\n",
)
_WORLD = (
    "hiercls: 1\nlevels: [area, topic]\ntopics: {{X: [A, {}], Y: [C, D]}}\ncustomers:\n  one: {{{}: [A], K: rest}}\n"
)


def _bomb(width: int, depth: int) -> str:
    lines = ["a0: &a0 [" + ", ".join("x" * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, depth)]
    return "\n".join(lines)


def _world(topic: str = "B", name: str = "J") -> bytes:
    return _WORLD.format(topic, name).encode("utf-8", "surrogatepass")


def _escaped(character: str) -> str:
    return f'"B\\u{ord(character):04x}b"'


_YAML: Mapping[str, Callable[[], str]] = {
    "alias bomb, 10 wide": lambda: _bomb(10, 8),
    "alias bomb, 2 wide": lambda: _bomb(2, 60),
    "alias bomb, 99 deep": lambda: _bomb(1, 99),
    "a thousand aliases": lambda: "a: &a x\nb: [" + "*a, " * 1000 + "]",
    "an alias that holds itself": lambda: "&a [*a]",
    "an alias that holds itself deeper": lambda: "a: &a {b: {c: [*a]}}",
    "an alias of nothing": lambda: "a: *nobody",
    "60 kB of lists": lambda: "[" * 60_000,
    "60 kB of mappings": lambda: "{a: " * 15_000,
    "60 kB of mappings in blocks": lambda: "\n".join(" " * n + "a:" for n in range(340)),
    "33 deep": lambda: "a: " + "[" * 33 + "]" * 33,
    "100 kB of dashes": lambda: "- " * 50_000,
    "100 kB of question marks": lambda: "? " * 50_000,
    "100 kB of quotes": lambda: "'" * 100_001,
    "100 kB of colons": lambda: ": " * 50_000,
    "100 kB of anchors": lambda: "&a " * 33_000,
    "100 kB of tags": lambda: "!!x " * 25_000,
    "100 kB of comments": lambda: "#\n" * 50_000,
    "100 kB of line breaks in a word": lambda: "a: 'x" + "\n" * 100_000 + "y'",
    "100 kB of escapes": lambda: 'a: "' + "\\x41" * 25_000 + '"',
    "100,000 keys": lambda: "\n".join(f"k{n}: x" for n in range(100_000)),
    "400,000 values": lambda: "a: [" + "x, " * 400_000 + "]",
    "more than 4 MiB": lambda: "#" * (4 * 2**20 + 1),
    "a key of a million letters": lambda: "k" * 10**6 + ": x",
    "a number of 100,000 digits": lambda: "hiercls: " + "9" * 100_000,
    "a hexadecimal number of 100,000 digits": lambda: "hiercls: 0x" + "f" * 100_000,
    "a sexagesimal number": lambda: "hiercls: " + "1:" * 20_000 + "1",
    "infinity": lambda: "hiercls: .inf",
    "1e999999999": lambda: "hiercls: 1e999999999",
    "underscores in a number": lambda: "hiercls: 1" + "_" * 50_000,
    "a date": lambda: "hiercls: 2001-12-14t21:59:43.10-05:00",
    "an impossible date": lambda: "hiercls: 2001-99-99",
    "a date with 50,000 digits": lambda: "hiercls: 2001-12-14 01:01:01." + "0" * 50_000,
    "binary": lambda: "hiercls: !!binary aGk=",
    "a Python object": lambda: "hiercls: !!python/object/apply:os.system [true]",
    "a Python name": lambda: "!!python/name:os.system ''",
    "a Python module": lambda: "!!python/module:os",
    "a set": lambda: "topics: !!set {A, B}",
    "pairs": lambda: "topics: !!pairs [A: B]",
    "merged mappings": lambda: "a: &a {x: y}\nb: {<<: *a}",
    "a bomb of merged mappings": lambda: "a: &a {k: v}\n" + "\n".join(f"b{n}: {{<<: [*a, *a]}}" for n in range(40)),
    "a directive": lambda: "%YAML 9.9\n---\nhiercls: 1",
    "a tag directive": lambda: "%TAG ! tag:yaml.org,2002:python/\n---\n!name:os.system ''",
    "two documents": lambda: "hiercls: 1\n---\nhiercls: 1",
    "ten thousand documents": lambda: "---\n" * 10_000,
    "a key twice": lambda: "hiercls: 1\nhiercls: 1",
    "a key twice in two spellings": lambda: "caf\u00e9: 1\ncafe\u0301: 1",
    "a key that is a list": lambda: "? [a, b]\n: c",
    "a key that is nothing": lambda: "? \n: c",
    "a key that is a mapping": lambda: "? {a: b}\n: c",
    "tabs": lambda: "hiercls:\n\t1",
    "a list": lambda: "- a\n- b",
    "a word": lambda: "word",
    "a number": lambda: "3",
    "true": lambda: "true",
    "a file name": lambda: "/etc/passwd",
    "an include": lambda: "hiercls: !include /etc/passwd",
}


def yaml_cases() -> Iterator[Made]:
    """Taxonomies, customers and tokens in YAML that mean harm."""
    for kind, make in _YAML.items():
        for door in ("taxonomy", "customer", "tokens"):
            yield door, kind, lambda make=make: make().encode()
        added = b"POST /customers?replace=true\napplication/yaml\n"
        yield "request", f"a customer: {kind}", lambda make=make, added=added: added + make().encode()
    for character in (*_REVERSING, *_HIDDEN):
        code = f"U+{ord(character):04X}"
        yield "taxonomy", f"{code} in a topic", lambda c=character: _world(topic=_escaped(c))
        yield "taxonomy", f"{code} in a class", lambda c=character: _world(name=_escaped(c))
        yield "taxonomy", f"{code} bare in a topic", lambda c=character: _world(topic=f"B{c}b")
    for kind, name in (("301 letters", "x" * 301), ("half a surrogate pair", '"\\ud800"'), ("rest", "rest")):
        yield "taxonomy", f"a topic: {kind}", lambda name=name: _world(topic=name)
        yield "taxonomy", f"a class: {kind}", lambda name=name: _world(name=name)


def _values() -> Mapping[str, str]:
    return {
        "null": "null",
        "a number": "3",
        "a huge number": "9" * 5000,
        "not a number": "NaN",
        "a list": "[1, [2]]",
        "an object": '{"a": 1}',
        "half a surrogate pair": '"\\ud83d"',
        "true": "true",
        "nothing": '""',
        "a stranger": '"nobody:nothing"',
        "colons": '":::"',
        "a million letters": '"' + "z" * 10**6 + '"',
        "a million combining accents": '"e' + "\\u0301" * 10**6 + '"',
        "lists in lists": "[" * 500 + "]" * 500,
    }


def line_cases() -> Iterator[Made]:
    """Lines of JSON and requests that mean harm, and odd documents through every door for documents."""
    for column in ("text", "label", "labels", "view", "customer", "thread", "complete"):
        for kind, value in _values().items():
            cells = ("" if column == "text" else '"text": "x", ') + f'"{column}": {value}'
            for door in ("jsonl", "stream"):
                yield door, f"{column}: {kind}", lambda cells=cells: f"{{{cells}}}\n".encode()
    for kind, make in ODD_TEXTS.items():
        line = json.dumps
        yield "jsonl", f"a document: {kind}", lambda make=make, line=line: line({"text": make()}).encode()
        yield "stream", f"a document: {kind}", lambda make=make: make().encode("utf-8", "replace")
        yield "csv", f"a document: {kind}", lambda m=make: ('text\n"' + m().replace('"', '""') + '"\n').encode()
        asked = b"POST /predict\napplication/json\n"
        yield "request", f"a document: {kind}", lambda m=make, a=asked: a + json.dumps({"documents": [m()]}).encode()
    for kind, make in (
        ("one array", lambda: b'[{"text": "x"}]'),
        ("one object over lines", lambda: b'{"text":\n"x"}'),
        ("100,000 objects in objects", lambda: b'{"a":' * 100_000),
        ("100,000 lists in lists", lambda: b'{"text": ' + b"[" * 100_000),
        ("a key twice", lambda: b'{"text": "a", "text": "b"}'),
        ("10,000 keys", lambda: json.dumps({f"k{n}": n for n in range(10_000)} | {"text": "x"}).encode()),
        ("a line of ten megabytes", lambda: b"x" * 10**7),
        ("100,000 bad lines", lambda: b"{\n" * 100_000),
    ):
        yield "jsonl", kind, make
    yield from _request_cases()


def _request_cases() -> Iterator[Made]:
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"):
        for path in (
            "/predict",
            "/customers",
            "/taxonomy",
            "/../../etc/passwd",
            "/%00",
            "/" + "a" * 9000,
            "/?at=" + "%",
        ):
            yield "request", f"{method} {path[:20]}", lambda m=method, p=path: f"{m} {p}\n\n".encode()
    bodies: Mapping[str, Callable[[], bytes]] = {
        "no documents": lambda: b'{"documents": []}',
        "257 documents": lambda: json.dumps({"documents": ["a"] * 257}).encode(),
        "65 views": lambda: json.dumps({"documents": ["a"], "at": ["one"] * 65}).encode(),
        "five explanations": lambda: json.dumps({"documents": ["a"] * 5, "explain": True}).encode(),
        "a body of 5 MB": lambda: b'{"documents": ["' + b"x" * 5_000_000 + b'"]}',
        "a view of a million letters": lambda: json.dumps({"documents": ["a"], "at": ["v" * 10**6]}).encode(),
        "a stranger's key": lambda: b'{"documents": ["a"], "__class__": "x"}',
        "a list": lambda: b'["a"]',
        "a million lists": lambda: b"[" * 10**6,
        "no UTF-8": lambda: b'{"documents": ["\xff"]}',
    }
    for kind, make in bodies.items():
        for content_type in (
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "",
            "a/b; charset=x",
        ):
            head = f"POST /predict\n{content_type}\n".encode()
            yield "request", f"{kind} as '{content_type}'", lambda head=head, make=make: head + make()
