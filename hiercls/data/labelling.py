"""Documents as tools for labelling have them in JSONL, and back as rows.

Knows the lines of doccano and Prodigy; knows no taxonomy and no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from hiercls.data.rows import Row
from hiercls.errors import ConfigError, DataError, Problem

Tool = Literal["doccano", "prodigy"]
"""The tools."""


def to_tool(text: str, *, tool: Tool, classes: Sequence[str], chosen: Sequence[str] = ()) -> dict[str, Any]:
    """A document as a line that a tool imports.

    Args:
        text: The document.
        tool: The tool: doccano's text classification, or Prodigy's choice.
        classes: The classes to choose from.
        chosen: Those that are chosen beforehand, such as what a model predicts.

    Returns:
        The line's keys.

    Raises:
        ConfigError: If there is no such tool.

    Example:
        >>> to_tool("a document", tool="doccano", classes=["ABC", "D"], chosen=["D"])
        {'text': 'a document', 'label': ['D']}
    """
    if tool not in get_args(Tool):
        raise ConfigError(f"expected the tool to be one of {', '.join(get_args(Tool))}, got {tool!r}")
    if tool == "doccano":
        return {"text": text, "label": list(chosen)}
    options = [{"id": name, "text": name} for name in classes]
    return {"text": text, "options": options, "accept": list(chosen)}


def from_tool(lines: Iterable[Mapping[str, Any]], *, view: str, customer: str | None = None) -> tuple[Row, ...]:
    """The rows of what a tool has exported; documents without an answer, or refused, are left out.

    Args:
        lines: The lines' keys: doccano's ``text`` and ``label``, or Prodigy's ``text``, ``accept`` and ``answer``.
        view: The view that the labels are of.
        customer: Whose documents they are.

    Returns:
        The labelled rows.

    Raises:
        DataError: If lines are of neither tool; all of them are listed.

    Example:
        >>> lines = [{"text": "a", "accept": ["D"], "answer": "accept"}, {"text": "b", "answer": "ignore"}]
        >>> [row.labels for row in from_tool(lines, view="one")]
        [(('one', 'D'),)]
    """
    rows, problems = [], []
    for number, line in enumerate(lines, start=1):
        labels = line.get("accept") if "accept" in line else line.get("label", [])
        labels = [labels] if isinstance(labels, str) else labels
        text = line.get("text")
        if not isinstance(text, str) or not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
            message = "expected 'text' and the names of classes under 'label' (doccano) or 'accept' (Prodigy)"
            problems.append(Problem(message=f"{message}, found {', '.join(map(repr, line)) or 'nothing'}", line=number))
        elif labels and line.get("answer", "accept") == "accept":
            rows.append(Row(text=text, labels=tuple((view, label) for label in labels), customer=customer))
    if problems:
        raise DataError(problems, subject="the labelled lines")
    return tuple(rows)
