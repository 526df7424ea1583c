"""From a file, a YAML text or a dict to plain data with places, safely.

No tags but the standard scalars, and bounds on size, depth, aliases and the number of nodes, so that a hostile file is
an error and never a crash. Long texts are scanned by libyaml where PyYAML has it, but never composed by it: no bound
stops its recursion. Where it finds a fault, PyYAML's own scanner reads again and words it. Knows YAML; not what a
taxonomy is.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any, NoReturn

import yaml
from yaml.composer import Composer

from hiercls.errors import InputTypeError, Problem
from hiercls.files import not_a_file
from hiercls.names import composed
from hiercls.taxonomy.document import Document, Mark, Path

EXTENSIONS = (".yaml", ".yml")
"""How the files of taxonomies and customers end, usually; any other will do."""

MAX_BYTES = 4 * 2**20
"""The largest YAML text, in bytes of UTF-8."""

QUICK_FROM = 2**16
"""The shortest YAML text, in characters, that is scanned by libyaml."""

SLOW_TO = 2**18
"""The longest YAML text, in characters, that is scanned again in Python, slowly, where libyaml found it wrong."""

MAX_DEPTH = 32
"""The deepest nesting of mappings and lists."""

MAX_NODES = 300_000
"""The most keys and values."""

MAX_ALIASES = 100
"""The most aliases (``*name``)."""

MAX_ALIASED = 10_000
"""The most keys and values that aliases add when they are written out."""

_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null"))
_TRUE_WORDS = frozenset({"yes", "true", "on"})
_BOOL_WORDS = _TRUE_WORDS | {"no", "false", "off"}
_KINDS = {
    "bool": "a yes/no value",
    "int": "a number",
    "float": "a number",
    "null": "nothing",
    "timestamp": "a date",
    "merge": "a merge of mappings",
    "value": "a default",
}
_NOT_PRINTABLE = yaml.reader.Reader.NON_PRINTABLE
_SYNTAX_HINTS = (
    ("'\\t'", "indent with spaces, YAML takes no tabs"),
    ("mapping values are not allowed", "indent like the line above, and quote a name that holds ': '"),
    ("that cannot start any token", "put quotes around this name"),
    ("expected ',' or ']'", "close the list with ']', or put a comma between its items"),
    ("expected ',' or '}'", "close the mapping with '}', or put a comma between its entries"),
    ("could not find expected ':'", "write 'key: value', and quote a name that runs over several lines"),
    ("expected <block end>", "indent this line like the others of its block"),
    ("quoted scalar", "close the quotes"),
    ("undefined alias", "put quotes around a name that begins with '*'"),
    ("anchor", "put quotes around a name that begins with '&'"),
)


class _StopReadingError(Exception):
    """A bound is passed: what follows is not read."""


def read_document(source: str | FilePath | Mapping[str, object]) -> Document:
    """Read a file, a YAML text or a mapping.

    A string with a line break or with ``': '`` in it, or an empty one, is YAML text; any other string is a file's name.

    Args:
        source: A path, a YAML text or a mapping of plain data.

    Returns:
        The document with its problems; its data is ``None`` where nothing could be read.

    Raises:
        InputTypeError: If the source is none of these.

    Example:
        >>> document = read_document("topics: [A, B]")
        >>> document.data, document.marks[("topics", 1)].column
        ({'topics': ['A', 'B']}, 13)
    """
    if isinstance(source, Mapping):
        document = Document(data=None)
        document.data = _plain(document, (), source)
        return document
    if isinstance(source, str) and ("\n" in source or ": " in source or not source.strip()):
        return _read_text(source, None)
    if not isinstance(source, str | os.PathLike):
        raise InputTypeError(f"expected a path, a YAML text or a mapping, got a {type(source).__name__}")
    file = os.fspath(source)
    problem = not_a_file(file, extensions=EXTENSIONS)
    if problem:
        return _unreadable(problem)
    try:
        with open(file, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return _unreadable(Problem(message=f"cannot read: {error.strerror}", file=file))
    return _read_bytes(content, file)


def _unreadable(problem: Problem) -> Document:
    return Document(data=None, file=problem.file, problems=[problem])


def _too_large(file: str | None) -> Problem:
    return Problem(message=f"more than {MAX_BYTES:,} bytes of YAML", file=file)


def _read_bytes(content: bytes, file: str) -> Document:
    if len(content) > MAX_BYTES:
        return _unreadable(_too_large(file))
    try:
        return _read_text(content.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        reason = "it is UTF-16" if is_utf_16 else f"byte 0x{content[error.start]:02x}"
        message = f"the file is not UTF-8: {reason}"
        return _unreadable(Problem(message=message, file=file, line=line, column=column, hint="save it as UTF-8"))


def _read_text(text: str, file: str | None) -> Document:
    text = text.removeprefix("\ufeff")
    document = Document(data=None, file=file)
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        document.problems.append(_too_large(file))
        return document
    for match in _NOT_PRINTABLE.finditer(text):
        line, column = text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())
        message = f"character U+{ord(match.group()):04X} is not allowed in YAML"
        document.problems.append(Problem(message=message, file=file, line=line, column=column, hint="take it out"))
        if len(document.problems) >= 20:
            break
    if not document.problems:
        _compose_into(document, text)
    return document


def _compose_into(document: Document, text: str) -> None:
    quick = Document(data=None, file=document.file)
    if _is_quick(text) and (_composed_whole(_QuickLoader, quick, text) or len(text) > SLOW_TO):
        document.data, document.marks, document.key_marks = quick.data, quick.marks, quick.key_marks
        document.problems += quick.problems
    else:
        _composed_whole(_BoundedLoader, document, text)


def _is_quick(text: str) -> bool:
    """Whether libyaml reads a text first: it is long and has no tabs, of which libyaml allows more, or is very long.

    What is wrong PyYAML words better, so that it reads those again that need not be waited for.
    """
    return _QuickLoader is not None and len(text) >= QUICK_FROM and ("\t" not in text or len(text) > SLOW_TO)


def _composed_whole(loader_class: Any, document: Document, text: str) -> bool:
    """Compose a text into a document, and note what is wrong; whether nothing was."""
    loader = loader_class(text, document)
    try:
        node = loader.get_single_node()
        if node is None:
            document.problems.append(Problem(message="the file is empty", file=document.file))
        else:
            document.data = _Converter(document, n_written=loader.n_nodes).value((), node)
    except _StopReadingError:
        document.data = None
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax_problem(error, document.file))
    finally:
        loader.dispose()
    return not document.problems


def _syntax_problem(error: yaml.MarkedYAMLError, file: str | None) -> Problem:
    fault = f"not YAML: {error.problem}"
    hint = next((hint for part, hint in _SYNTAX_HINTS if part in f"{error.context} {fault}"), None)
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    if error.context_mark and error.context_mark.line + 1 != line:
        fault += f" ({error.context}, line {error.context_mark.line + 1})"
    if error.context and "expected a single document" in error.context:
        fault, hint = "expected one document, a second begins here", "take out the line '---'"
    return Problem(message=fault, file=file, line=line, column=column, hint=hint)


class _Bounds(Composer):
    """PyYAML's composer, stopped at the bounds, with tags refused."""

    def __init__(self, text: str, document: Document) -> None:
        self.scan(text)
        self.document = document
        self.n_nodes = self.n_aliases = self.depth = 0
        self.open_anchors: list[str | None] = []

    peek_event: Callable[[], Any]

    def scan(self, text: str) -> None:
        """Begin with a text."""
        raise NotImplementedError

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        self.n_nodes += 1
        if self.n_nodes > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES:,} keys and values")
        if self.depth >= MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH}")
        is_alias = isinstance(event, yaml.AliasEvent)
        if is_alias:
            self._check_alias(event)
        elif event.tag is not None:
            self._refuse_tag(event)
        self.open_anchors.append(None if is_alias else event.anchor)
        self.depth += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)
        finally:
            self.depth -= 1
            self.open_anchors.pop()
        return node

    def _stop(self, event: yaml.Event, message: str) -> NoReturn:
        self._note(event, message)
        raise _StopReadingError

    def _check_alias(self, event: yaml.AliasEvent) -> None:
        self.n_aliases += 1
        if self.n_aliases > MAX_ALIASES:
            self._stop(event, f"more than {MAX_ALIASES} aliases")
        if event.anchor in self.open_anchors:
            self._stop(event, f"alias '*{event.anchor}' holds itself")

    def _refuse_tag(self, event: Any) -> None:
        if not (isinstance(event, yaml.ScalarEvent) and event.tag in _SCALAR_TAGS):
            self._note(event, f"tag '{str(event.tag).replace(_TAG, '!!')}' is not allowed", hint="take it out")

    def _note(self, event: yaml.Event, message: str, hint: str | None = None) -> None:
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        problem = Problem(message=message, file=self.document.file, line=line, column=column, hint=hint)
        self.document.problems.append(problem)


class _BoundedLoader(_Bounds, yaml.SafeLoader):
    """Scanned in Python."""

    def scan(self, text: str) -> None:
        yaml.SafeLoader.__init__(self, text)


_QuickLoader: Any = None
if yaml.__with_libyaml__:

    class _LibraryLoader(_Bounds, yaml.CSafeLoader):
        """Scanned by libyaml, event by event."""

        def scan(self, text: str) -> None:
            yaml.CSafeLoader.__init__(self, text)
            Composer.__init__(self)

    _QuickLoader = _LibraryLoader

# Numbers of YAML 1.2, which YAML 1.1 (and so PyYAML) reads as strings: other readers of the file would not.
for _loader in filter(None, (_BoundedLoader, _QuickLoader)):
    _loader.add_implicit_resolver(
        _TAG + "float",
        re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"),
        list("-+.0123456789"),
    )
    _loader.add_implicit_resolver(_TAG + "int", re.compile(r"0o[0-7]+\Z"), ["0"])


class _Converter:
    """Turns PyYAML's nodes into plain data, and notes the places."""

    def __init__(self, document: Document, *, n_written: int) -> None:
        self.document = document
        self.most_nodes = n_written + MAX_ALIASED
        self.n_nodes = 0

    def value(self, path: Path, node: yaml.Node) -> object:
        self.n_nodes += 1
        self.document.marks[path] = _mark(node)
        if len(path) > MAX_DEPTH or self.n_nodes > self.most_nodes:
            too_deep = f"nested deeper than {MAX_DEPTH}, with aliases written out"
            too_many = f"aliases add more than {MAX_ALIASED:,} keys and values"
            self.document.add(path[:1], too_deep if len(path) > MAX_DEPTH else too_many, at_key=True)
            raise _StopReadingError
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value((*path, index), item) for index, item in enumerate(node.value)]
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self.key(path, key_node, data)
            if key is not None:
                data[key] = self.value((*path, key), value_node)
        return data

    def key(self, path: Path, node: yaml.Node, data: dict[str, object]) -> str | None:
        mark = _mark(node)
        if not isinstance(node, yaml.ScalarNode):
            self._add(path, mark, "expected a name as a key, got a list or a mapping")
            return None
        key = composed(str(node.value))
        if key in data:
            first = self.document.key_marks[(*path, key)]
            hint = "join the two, or take one out"
            self._add((*path, key), mark, f"key '{key}' stands twice, first in line {first.line}", hint)
            return None
        self.document.key_marks[(*path, key)] = mark
        kind = node.tag.removeprefix(_TAG)
        if kind != "str" and not key:
            self._add(path, mark, "expected a name before ':', got nothing")
        elif kind != "str":
            hint = "write the entries out" if kind == "merge" else f'quote it: "{key}"'
            self._add((*path, key), mark, f"'{key}' is read as {mark.read_as}", hint)
        return None if kind == "merge" else key

    def _add(self, path: Path, mark: Mark, message: str, hint: str | None = None) -> None:
        kept = self.document.key_marks.pop(path, None)
        self.document.key_marks[path] = mark
        self.document.add(path, message, hint=hint, at_key=True)
        del self.document.key_marks[path]
        if kept:
            self.document.key_marks[path] = kept


def _mark(node: yaml.Node) -> Mark:
    text = str(node.value) if isinstance(node, yaml.ScalarNode) else None
    kind = node.tag.removeprefix(_TAG)
    read_as = None if text is None or kind == "str" else _KINDS.get(kind, "no string")
    return Mark(line=node.start_mark.line + 1, column=node.start_mark.column + 1, text=text, read_as=read_as)


def _scalar(node: yaml.ScalarNode) -> object:
    """A scalar's value; not-a-number for what is neither a string, null, a yes/no value nor a plain number."""
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    if kind == "str":
        return composed(text)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in _BOOL_WORDS:
        return text.lower() in _TRUE_WORDS
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:
        return float("nan")


def _plain(document: Document, path: Path, value: object) -> object:
    """A caller's data copied as reading makes it; keys that are no strings or stand twice noted, the depth bounded."""
    if len(path) > MAX_DEPTH:
        document.add(path[:3], f"nested deeper than {MAX_DEPTH}")
        return None
    if isinstance(value, Mapping):
        copy: dict[str, object] = {}
        for key, item in value.items():
            name = composed(str(key))
            if not isinstance(key, str):
                document.add((*path, name), f"expected a string as a name, got {key!r}")
            if name in copy:
                document.add((*path, name), f"key '{name}' stands twice", hint="join the two, or take one out")
            copy[name] = _plain(document, (*path, name), item)
        return copy
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(document, (*path, index), item) for index, item in enumerate(value)]
    return composed(value) if isinstance(value, str) else value
