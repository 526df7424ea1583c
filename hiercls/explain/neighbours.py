"""The documents most like a text, among those that the asker may see: its own.

A model keeps no document, so whoever asks brings its own; what belongs to anybody else is left out before anything is
compared. Knows rows, their labels and a scorer; knows no drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiercls.data.rows import Row
from hiercls.errors import ConfigError
from hiercls.estimator.tasks import resolve_all
from hiercls.model.task import ONE_TOPIC, Task
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.finding import LabelFinder


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A document of the asker's own that is like the text.

    Args:
        text: The document.
        labels: Its labels, as ``view:class`` or as they were written.
        similarity: Cosine of the two encodings; of the TF-IDF features where there is no encoder.
        place: Position among the documents that were given.
    """

    text: str
    labels: tuple[str, ...]
    similarity: float
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDocument:
    """A document that the asker may see.

    Args:
        row: The document.
        labels: Its labels, as ``view:class``.
        place: Position among the documents that were given.
    """

    row: Row
    labels: tuple[str, ...]
    place: int


def own_documents(
    taxonomy: Taxonomy, documents: Sequence[Row | str], *, asker: str, task: Task = ONE_TOPIC
) -> tuple[OwnDocument, ...]:
    """The documents that belong to whoever asks, or to no customer.

    A row belongs to its customer and to every customer whose classes label it. One that belongs to any customer but
    the asker is left out; so where a level is asked, or a customer that is not named, customers' rows never show.

    Args:
        taxonomy: The map.
        documents: Rows, labelled or not, and bare texts, which belong to nobody else.
        asker: The customer who asks; a level's name is nobody.
        task: What several labels of one row mean.

    Returns:
        The asker's own, in their order.

    Raises:
        DataError: If labels are illegal; all of them are listed.
        ConfigError: If there are documents, and all of them belong to others.
    """
    rows = [Row(text=document) if isinstance(document, str) else document for document in documents]
    labelled = [place for place, row in enumerate(rows) if row.labels]
    resolve_all(taxonomy, [rows[place] for place in labelled], task)
    finder = LabelFinder(taxonomy)
    customers = set(taxonomy.customers)
    own = []
    for place, row in enumerate(rows):
        pairs = sorted((view.name, view.index(name)) for view, name in finder.labels(row.labels)[0])
        owners = {view for view, _ in pairs if view in customers}
        owners |= set() if row.customer is None else {row.customer}
        if owners <= {asker}:
            labels = tuple(f"{view}:{taxonomy.view(view).classes[column]}" for view, column in pairs)
            own.append(OwnDocument(row=row, labels=labels, place=place))
    if rows and not own:
        raise ConfigError(
            f"all {len(rows):,} documents belong to customers other than '{asker}', who asks; give documents of its own"
        )
    return tuple(own)


def nearest(scorer: Scorer, text: str, documents: Sequence[OwnDocument], *, n: int) -> tuple[Neighbour, ...]:
    """The documents most like a text.

    Args:
        scorer: A trained model's scorer.
        text: The text.
        documents: Where to look.
        n: How many.

    Returns:
        The nearest first; of documents alike, the one that was given first.
    """
    if not documents or not n:
        return ()
    likeness = _likeness(scorer, text, [document.row.text for document in documents])
    order = np.argsort(-likeness, kind="stable")[:n].tolist()
    return tuple(
        Neighbour(
            text=documents[position].row.text,
            labels=documents[position].labels,
            similarity=float(likeness[position]),
            place=documents[position].place,
        )
        for position in order
    )


def _likeness(scorer: Scorer, text: str, texts: Sequence[str]) -> np.ndarray:
    """Cosines of the encodings; of the TF-IDF features where there is no encoder; shape (n_texts,)."""
    if scorer.engine is not None:
        first, others = scorer.engine.encode([text])[0].astype(np.float64), scorer.engine.encode(texts)
        lengths = np.linalg.norm(others.astype(np.float64), axis=1) * np.linalg.norm(first)
        cosines: np.ndarray = others @ first / np.where(lengths > 0, lengths, 1.0)
        return cosines
    if scorer.lexical is None:
        raise ConfigError("this model reads neither encodings nor words")
    features = scorer.lexical.terms.features([text, *texts])
    likeness: np.ndarray = (features[1:] @ features[[0]].T).toarray().ravel()
    return likeness
