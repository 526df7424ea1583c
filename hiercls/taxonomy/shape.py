"""Checks the shape of a read document against the schema, and says what is wrong in a reader's words.

Knows the schema and pydantic's errors; not whether names agree with each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from hiercls.taxonomy.customer_spec import CUSTOMER_KEYS
from hiercls.taxonomy.document import Document, Path
from hiercls.taxonomy.fields import FORMAT_VERSION

_EXPECTED = {
    "list_type": "a list of names",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "bool_type": "true or false",
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
        legal = CUSTOMER_KEYS if len(path) > 1 else tuple(model.model_fields)
        document.add(path, f"unknown key '{last}'", hint=document.hints.nearest(str(last), legal), at_key=True)
    elif kind == "name":
        document.add(path, f"{fault['msg']}: {value!r}", at_key=at_key)
    elif kind == "string_type":
        _note_unquoted(document, path, value)
    else:
        expected = fault["msg"].removeprefix("expected ") if kind in ("kind", "version") else _EXPECTED.get(kind)
        message = f"expected {expected}, got {_described(document, path, value)}" if expected else str(fault["msg"])
        hint = _WRONG_HINTS.get(expected or "", "") if isinstance(value, str) else ""
        document.add(path, message, hint=hint.format(got=value) or None, at_key=value is None)


def _note_unquoted(document: Document, path: Path, value: object) -> None:
    text = document.text(path, value)
    if text is None:
        document.add(path, f"expected a name, got {_described(document, path, value)}", at_key=value is None)
        return
    if document.marks.get(path):
        document.add(path, f"'{text}' is read as {_kind(value)}", hint=f'quote it: "{text}"')
    else:
        document.add(path, f"expected a string, got {value!r}", hint=f"pass '{text}'")


def _described(document: Document, path: Path, value: object) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    if value is None or isinstance(value, Mapping | list):
        return _kind(value)
    return f"{_kind(value)}, {document.text(path, value)}"


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a yes/no value"
    if isinstance(value, Mapping | list):
        return "a list" if isinstance(value, list) else "a mapping"
    if isinstance(value, int | float):
        return "no string" if isinstance(value, float) and math.isnan(value) else "a number"
    return type(value).__name__
