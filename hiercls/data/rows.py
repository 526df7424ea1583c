"""Rows: a text, its labels as they were written, and the customer they came from.

Knows no taxonomy: whether a label is a class of its view is settled in ``taxonomy/labels``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hiercls.errors import ConfigError, DataError, InputTypeError, Problem
from hiercls.names import composed

Labels = tuple[tuple[str | None, str], ...]
"""The labels of one row: pairs of the row's view (or ``None``) and the label as it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document as it came; the names in its labels are composed (NFC), so that each has one spelling.

    Args:
        text: The document; the empty string is a legal one.
        labels: Pairs of the row's view (``None`` where none was given) and the label as written, which may carry
            a view of its own (``one:ABC``). Empty for an unlabelled row.
        customer: The customer the row came from, where that is known.
        complete: The views whose classes the row lists completely, which matters where a document may have several
            topics; ``None``: the views that it has labels of.
        thread: What it belongs to, such as a conversation or a case; no split divides a thread.
        file: The file it was read from, or ``None``.
        line: The line in that file, from 1; for binary tables the row, from 1.

    Example:
        >>> Row(text="a document", labels=(("one", "ABC"),), customer="one").labels
        (('one', 'ABC'),)
    """

    text: str
    labels: Labels = ()
    customer: str | None = None
    complete: tuple[str | None, ...] | None = None
    thread: str | None = None
    file: str | None = None
    line: int | None = None

    def __post_init__(self) -> None:
        labels = tuple((view if view is None else composed(view), composed(label)) for view, label in self.labels)
        object.__setattr__(self, "labels", labels)
        if self.complete is not None:
            views = tuple(view if view is None else composed(view) for view in self.complete)
            object.__setattr__(self, "complete", views)
        object.__setattr__(self, "customer", self.customer if self.customer is None else composed(self.customer))


def thread_marks(rows: Sequence[Row]) -> list[Hashable]:
    """A mark per row, the same for the rows of one thread: the ``groups`` of a split.

    Args:
        rows: The rows.

    Returns:
        The thread's name, or the row's own position where it has none.

    Example:
        >>> thread_marks([Row(text="a", thread="x"), Row(text="b"), Row(text="c", thread="x")])
        ['x', 1, 'x']
    """
    return [position if row.thread is None else row.thread for position, row in enumerate(rows)]


def make_rows(
    texts: Iterable[str],
    labels: Iterable[Any] | None = None,
    *,
    views: str | Iterable[str | None] | None = None,
    customers: str | Iterable[str | None] | None = None,
    complete: bool | Iterable[bool | None] | None = None,
) -> tuple[Row, ...]:
    """Rows from parallel lists, arrays or series, as the estimator takes them.

    Args:
        texts: n_documents strings.
        labels: For each text a label, a list of labels, or ``None`` (unlabelled). Labels are kept as written.
        views: The view of all labels, or one per text; ``None`` where labels name their view or are topics.
        customers: The customer of all texts, or one per text.
        complete: Whether the labels listed are all that hold, for all texts or for each; ``None``: wherever there is a
            list of labels, even an empty one. It matters where a document may have several topics.

    Returns:
        n_documents rows, in the same order.

    Raises:
        InputTypeError: If one string came where a list of strings was expected.
        ConfigError: If the lists differ in length.
        DataError: If texts, labels, views or customers are not strings; all of them are listed.

    Example:
        >>> rows = make_rows(["first", "second"], ["ABC", ["ABC", "two:BC"]], views="one")
        >>> rows[1].labels
        (('one', 'ABC'), ('one', 'two:BC'))
    """
    columns: dict[str, Any] = {"texts": texts, "labels": labels, "views": views, "customers": customers}
    columns["complete"] = complete
    for name, values in columns.items():
        may_be_one = isinstance(values, bool if name == "complete" else str) and name not in ("texts", "labels")
        may_be_none = name != "texts" and values is None
        if not (may_be_one or may_be_none or _is_list(values)):
            got = f"one string; write [{name.removesuffix('s')}]" if isinstance(values, str) else describe(values)
            got += "; choose one of its columns" if _is_table(values) else ""
            raise InputTypeError(f"expected '{name}' to be a list of strings, got {got}")
    text_list = list(texts)
    n_texts = len(text_list)
    cells = [_cells(values, n_texts) for values in (labels, views, customers, complete)]
    for name, values in zip(("label", "view", "customer", "truth value of complete"), cells, strict=True):
        if len(values) != n_texts:
            raise ConfigError(f"expected one {name} per text, got {len(values)} {name}s for {n_texts} texts")
    problems: list[Problem] = []
    rows = [
        _make_row(position, *row, problems=problems) for position, row in enumerate(zip(text_list, *cells, strict=True))
    ]
    if problems:
        raise DataError(problems, subject="the given rows")
    return tuple(rows)


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: ``None``, a float NaN, or pandas' ``NA`` and ``NaT``.

    Args:
        value: Any cell of a table.

    Returns:
        ``True`` for a missing value; the empty string is none.

    Example:
        >>> is_missing(float("nan")), is_missing("")
        (True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def label_names(value: object) -> list[object]:
    """The labels in one cell: a list stays one, a single label becomes one, a missing value none.

    Args:
        value: A label, a list, tuple or array of them, or a missing value.

    Returns:
        The labels, not yet checked to be strings.

    Example:
        >>> label_names("ABC"), label_names(("ABC", "BC")), label_names(None)
        (['ABC'], ['ABC', 'BC'], [])
    """
    if is_missing(value):
        return []
    if hasattr(value, "tolist") and not isinstance(value, str):
        value = value.tolist()
    return list(value) if isinstance(value, list | tuple) else [value]


def truth_value(value: object) -> bool | None:
    """A truth value as tables hold it: true or false, also as a word.

    Args:
        value: A cell.

    Returns:
        The truth value; ``None`` where it is none.

    Example:
        >>> truth_value(False), truth_value("TRUE"), truth_value("yes")
        (False, True, None)
    """
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def completeness(said: bool | None, *, view: str | None, n_labels: int, is_list: bool) -> tuple[str | None, ...] | None:
    """The views that a row lists completely, as ``Row`` keeps them.

    Args:
        said: Whether the row says that it is complete; ``None``: it says nothing.
        view: The row's view.
        n_labels: How many labels the row has.
        is_list: Whether its labels came as a list, so that an empty one says something too.

    Returns:
        No view for a row that is not complete, its view for one that lists no label of it; else ``None``.

    Example:
        >>> completeness(None, view="one", n_labels=0, is_list=True)
        ('one',)
    """
    if said is False:
        return ()
    return (view,) if not n_labels and (said or is_list) else None


def describe(value: object) -> str:
    """A value in an error message: its kind, and the value where it is short.

    Args:
        value: What came.

    Returns:
        Such as ``the int 3``.

    Example:
        >>> describe(3), describe(None)
        ('the int 3', 'None')
    """
    if value is None:
        return "None"
    shown = repr(value)
    kind = type(value).__name__
    return f"the {kind} {shown}" if len(shown) <= 40 else f"a {kind}"


def string_fault(value: object, *, noun: str) -> str | None:
    """What is wrong with a value that must be a string that can be written as UTF-8.

    Args:
        value: What came.
        noun: What it should be, such as ``text``.

    Returns:
        The message, or ``None`` where the value is fine.

    Example:
        >>> string_fault(3, noun="label")
        'expected a label as a string, got the int 3'
    """
    if not isinstance(value, str):
        return f"expected a {noun} as a string, got {describe(value)}"
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError as error:
        return f"expected a {noun} of whole characters, got half of a surrogate pair at character {error.start + 1}"
    return None


def _make_row(
    position: int,
    text: object,
    label: object,
    view: object,
    customer: object,
    complete: object,
    *,
    problems: list[Problem],
) -> Row:
    """One row of :func:`make_rows`; what is wrong with it is added to ``problems``."""

    def check(value: object, name: str, *, noun: str) -> str:
        fault = string_fault(value, noun=noun)
        if fault:
            hint = "an empty text is '', or leave the row out" if noun == "text" and is_missing(value) else None
            problems.append(Problem(message=fault, path=f"{name}[{position}]", hint=hint))
        return "" if fault else str(value)

    row_view = None if is_missing(view) else check(view, "views", noun="view")
    names = [check(name, "labels", noun="label") for name in label_names(label)]
    said = None if is_missing(complete) else truth_value(complete)
    if said is None and not is_missing(complete):
        message = f"expected complete to be true or false, got {describe(complete)}"
        problems.append(Problem(message=message, path=f"complete[{position}]"))
    is_list = not (is_missing(label) or isinstance(label, str))
    return Row(
        text=check(text, "texts", noun="text"),
        labels=tuple((row_view, name) for name in names),
        customer=None if is_missing(customer) else check(customer, "customers", noun="customer"),
        complete=completeness(said, view=row_view, n_labels=len(names), is_list=is_list),
    )


def _is_list(values: object) -> bool:
    """Whether values can be walked one by one in an order of their own, as a string, a set or a table cannot."""
    has_no_order = isinstance(values, str | bytes | Mapping | set | frozenset) or getattr(values, "ndim", 1) == 0
    return isinstance(values, Iterable) and not (has_no_order or _is_table(values))


def _is_table(values: object) -> bool:
    """Whether values are a DataFrame or a data set, which is walked by its columns' names or rows."""
    return hasattr(values, "columns") or hasattr(values, "column_names")


def _cells(values: Iterable[Any] | bool | None, n_texts: int) -> list[Any]:
    """One cell per text; one string, truth value or ``None`` stands for every text."""
    return [values] * n_texts if values is None or isinstance(values, str | bool) else list(values)
