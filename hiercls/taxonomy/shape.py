"""Checks the shape of a read document against the schema, and says what is wrong in a reader's words.

Knows the schema and pydantic's errors; not whether names agree with each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from hiercls.taxonomy.customer_spec import CUSTOMER_KEYS
from hiercls.taxonomy.document import Document, Path
from hiercls.taxonomy.fields import FORMAT_VERSION
from hiercls.taxonomy.hints import shortened

_EXPECTED = {
    "list_type": "a list of names",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "bool_type": "true or false",
    "float_type": "a cost, 0 or more",
    "greater_than_equal": "a cost, 0 or more",
    "finite_number": "a cost, 0 or more",
}
_MISSING_HINTS = {
    "hiercls": f"begin the file with 'hiercls: {FORMAT_VERSION}'",
    "levels": "name every depth below the root, such as 'levels: [area, topic]'",
    "topics": "such as 'topics: {X: [A, B], Y: [C, D]}'",
    "classes": "such as 'classes: {AB: [A, B], C: C}'",
    "customer": "such as 'customer: acme'",
}
_WRONG_HINTS = {
    "a list of names": "write [{got}]",
    "a list or a mapping": "write [{got}]",
}


def check_shape(document: Document, model: type[BaseModel]) -> None:
    """Note every part of a document that has not the type or key which the schema wants.

    Args:
        document: The document; problems are added to it.
        model: The schema.

    Example:
        >>> from hiercls.taxonomy.reading import read_document
        >>> from hiercls.taxonomy.customer_spec import CustomerFileSpec
        >>> document = read_document({"customer": "acme", "clases": {"AB": ["A", "B"]}})
        >>> check_shape(document, CustomerFileSpec)
        >>> for problem in document.sorted_problems():
        ...     print(problem)
        at classes: expected the key 'classes'; such as 'classes: {AB: [A, B], C: C}'
        at clases: unknown key 'clases'; did you mean 'classes'?
    """
    try:
        model.model_validate(document.data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            path, at_key = _path(document.data, fault["loc"])
            _note(document, model, path, fault, at_key=at_key)


def _path(data: object, location: Sequence[str | int]) -> tuple[Path, bool]:
    """The path of a pydantic location, without the tags of unions; and whether the mapping key itself is meant."""
    parts = [part for part in location if not (isinstance(part, str) and part.startswith("\0"))]
    at_key = len(parts) > 1 and parts[-1] == "[key]"
    return tuple(parts[:-1] if at_key else parts), at_key


def _note(document: Document, model: type[BaseModel], path: Path, fault: Mapping[str, Any], *, at_key: bool) -> None:
    kind, value, last = fault["type"], fault["input"], path[-1] if path else None
    if kind == "missing":
        document.add(path, f"expected the key '{last}'", hint=_MISSING_HINTS.get(str(last)))
    elif kind == "extra_forbidden":
        document.add(path, f"unknown key '{last}'", hint=_key_hint(document, model, path), at_key=True)
    elif kind == "name":
        document.add(path, f"{fault['msg']}: {shortened(value)!r}", at_key=at_key)
    elif kind == "string_type":
        _note_no_string(document, path, value)
    else:
        expected = fault["msg"].removeprefix("expected ") if kind in ("kind", "version") else _EXPECTED.get(kind)
        message = f"expected {expected}, got {described(document, path, value)}" if expected else str(fault["msg"])
        hint = _WRONG_HINTS.get(expected or "", "").format(got=value) if isinstance(value, str) else ""
        mark = document.marks.get(path)
        if value is None and mark and mark.text:
            hint = f'quote it: "{mark.text}"'
        document.add(path, message, hint=hint or None, at_key=value is None and not hint)


def _key_hint(document: Document, model: type[BaseModel], path: Path) -> str | None:
    """The nearest legal keys; among a customer's keys, that classes stand one level deeper."""
    if len(path) == 1:
        return document.hints.nearest(str(path[0]), tuple(model.model_fields))
    near = document.hints.closest(str(path[-1]), CUSTOMER_KEYS)
    return f"did you mean '{near}'?" if near else "put the classes under 'classes:'"


def _note_no_string(document: Document, path: Path, value: object) -> None:
    text, mark = document.text(path, value), document.marks.get(path)
    if text is None:
        expected = "a sentence" if path[0] == "about" else "a name"
        document.add(path, f"expected {expected}, got {described(document, path, value)}", at_key=value is None)
    elif mark:
        document.add(path, f"'{text}' is read as {mark.read_as}", hint=f'quote it: "{text}"')
    else:
        document.add(path, f"expected a string, got {value!r}", hint=f"pass '{text}'")


def described(document: Document, path: Path, value: object) -> str:
    """What stands at a path, in words.

    Args:
        document: The document.
        path: The path.
        value: What stands there.

    Returns:
        Such as ``"a list"``, ``"'text'"`` or ``"a number (3)"``.

    Example:
        >>> described(Document(data=None), (), 3), described(Document(data=None), (), [])
        ('a number (3)', 'a list')
    """
    if isinstance(value, str):
        return f"'{value}'"
    if value is None:
        mark = document.marks.get(path)
        return f"nothing ({mark.text})" if mark and mark.text else "nothing"
    if isinstance(value, Mapping | list):
        return "a list" if isinstance(value, list) else "a mapping"
    mark = document.marks.get(path)
    kinds = "a yes/no value" if isinstance(value, bool) else "a number" if isinstance(value, int | float) else None
    kind = (mark and mark.read_as) or kinds or type(value).__name__
    return f"{kind} ({document.text(path, value)})"
