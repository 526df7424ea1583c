"""20 Newsgroups, bydate split, through scikit-learn.

Knows where scikit-learn keeps its data (the variable ``SCIKIT_LEARN_DATA``), and no taxonomy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hiercls.errors import ConfigError, DataError, Problem, nearest
from hiercls.files import is_offline

_REMOVED = ("headers", "footers", "quotes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsgroups:
    """One subset of 20 Newsgroups.

    Args:
        texts: n_documents texts; with headers removed some are empty.
        topics: The group of each text, n_documents names such as ``sci.med``.

    Example:
        >>> Newsgroups(texts=("a document",), topics=("sci.med",)).topics
        ('sci.med',)
    """

    texts: tuple[str, ...]
    topics: tuple[str, ...]


def load_newsgroups(subset: Literal["train", "test"], *, headers: Literal["kept", "removed"]) -> Newsgroups:
    """The 11,314 training or 7,532 test documents of the bydate split, in scikit-learn's unshuffled order.

    Args:
        subset: ``train`` or ``test``.
        headers: ``kept`` leaves the posts as they are; ``removed`` takes away headers, footers and quotes.

    Returns:
        The texts and their topics.

    Raises:
        ConfigError: If ``subset`` or ``headers`` is none of the two words.
        DataError: If the data is not on this machine and cannot be fetched.

    Example:
        >>> load_newsgroups("test", headers="gone")
        Traceback (most recent call last):
        hiercls.errors.ConfigError: expected 'headers' to be 'kept' or 'removed', got 'gone'; one of 'kept', 'removed'

    Source:
        http://qwone.com/~jason/20Newsgroups/, as packaged by scikit-learn.
    """
    for name, value, legal in (("subset", subset, ("train", "test")), ("headers", headers, ("kept", "removed"))):
        if value not in legal:
            raise ConfigError(
                f"expected '{name}' to be {legal[0]!r} or {legal[1]!r}, got {value!r}; {nearest(value, legal)}"
            )
    from sklearn import datasets

    try:
        bunch = datasets.fetch_20newsgroups(
            subset=subset,
            remove=_REMOVED if headers == "removed" else (),
            shuffle=False,
            download_if_missing=not is_offline(),
        )
    except OSError as error:
        raise DataError([_absent(datasets.get_data_home(), error)], subject="the 20 Newsgroups data") from error
    names = bunch.target_names
    return Newsgroups(texts=tuple(bunch.data), topics=tuple(str(names[target]) for target in bunch.target))


def _absent(folder: str, error: OSError) -> Problem:
    return Problem(
        message=f"expected '20news-bydate_py3.pkz' in the folder '{folder}', and it could not be downloaded ({error})",
        hint="connect to the network once, or set SCIKIT_LEARN_DATA to a folder that holds the file",
    )
