"""The model that is served: what a reader may ask of it, and customers added while it runs.

Knows readers, the estimator and the store; knows no HTTP. An estimator that is in use is never changed: a new customer
makes a new one, which shares all weights.
"""

from __future__ import annotations

import copy
import dataclasses
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from torch import Tensor

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.names import composed
from hiercls.serving.answers import Question
from hiercls.serving.limits import Limits
from hiercls.serving.refusals import ForbiddenError, TakenError
from hiercls.serving.store import CustomerStore
from hiercls.serving.tokens import Reader
from hiercls.taxonomy import Taxonomy


class Service:
    """A trained estimator with the customers that were added to it.

    Args:
        classifier: A trained estimator.
        store: Where added customers are kept; None: they are forgotten with the process.
        limits: How much a request may ask for.

    Raises:
        TaxonomyError: If a kept customer does not fit the model any more.
        ModelFolderError: If the store cannot be read.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> model = HierarchicalTextClassifier(shipped("tiny"), encoder=None)
        >>> service = Service(model.fit(["red fox", "red hen", "blue sea", "blue sky"], ["A", "A", "D", "D"]))
        >>> service.add("{customer: acme, classes: {Red: A, Other: rest}}", Reader(changes=True))
        'acme'
        >>> question = service.question(["a red hen"], at=["acme"], reader=Reader(customer="acme"))
        >>> question.answer(service.topics(question.texts)).documents[0].answers[0].labels
        ['Red']
    """

    def __init__(
        self,
        classifier: HierarchicalTextClassifier,
        *,
        store: CustomerStore | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = Limits() if limits is None else limits
        self._store, self._lock = store, threading.Lock()
        self._added: dict[str, str] = {}
        self._classifier = _without_cache(classifier)
        data = self.taxonomy.to_dict()
        self._topics_alone = Taxonomy.from_dict({key: data[key] for key in data if key != "customers"})
        self._take_up({} if store is None else store.read())

    @property
    def taxonomy(self) -> Taxonomy:
        """The map with all customers of now."""
        return self._classifier.taxonomy_

    def topics(self, texts: Sequence[str]) -> Tensor:
        """Log p(t|x), shape (n_texts, n_topics); customers that are added do not change it."""
        return self._classifier.scorer_.topics(texts)

    def visible(self, reader: Reader) -> tuple[str, ...]:
        """The views that a reader may see.

        Args:
            reader: Who asks.

        Returns:
            All, or its own.

        Raises:
            ForbiddenError: If it has no classes in this model.
        """
        views = self.taxonomy.views
        if reader.customer is None:
            return views
        if reader.customer not in self.taxonomy.customers:
            raise ForbiddenError("this token's customer has no classes in this model yet")
        return (reader.customer,)

    def question(
        self,
        texts: Sequence[str],
        *,
        reader: Reader,
        at: Sequence[str] | None = None,
        top_k: int = 1,
        coverage: float | None = None,
        explained: bool = False,
    ) -> Question:
        """What a reader asks, checked.

        Args:
            texts: The documents.
            reader: Who asks.
            at: Levels and customers; None: the topics, or the reader's own classes.
            top_k: How many of the likeliest classes are listed.
            coverage: How often a set shall hold the true class; None: no sets.
            explained: Whether the likeliest class is explained.

        Returns:
            The question.

        Raises:
            ForbiddenError: If a view is not for this reader; views that there are not are no exception.
            ConfigError: If there is no such view, or the model cannot answer.
        """
        classifier, visible = self._classifier, self.visible(reader)
        default = classifier.taxonomy_.levels[-1] if reader.customer is None else reader.customer
        asked = [default] if at is None else list(at)
        if reader.customer is not None and any(composed(name) not in visible for name in asked):
            raise ForbiddenError(f"this token is for '{reader.customer}' alone; leave 'at' out")
        return Question(
            classifier=classifier,
            texts=texts,
            views=[classifier.taxonomy_.view(name) for name in asked],
            top_k=top_k,
            coverage=coverage,
            n_words=self.limits.n_words if explained else None,
            shows_topics=reader.customer is None,
        )

    def check(self, text: str, reader: Reader) -> Taxonomy:
        """The topics with one customer as it would be, added or replaced.

        Args:
            text: The customer's YAML.
            reader: Who asks.

        Returns:
            The levels and topics with this customer alone.

        Raises:
            ForbiddenError: If the reader may not see the topics.
            TaxonomyError: If the YAML has problems; all of them are listed.
        """
        if reader.customer is not None:
            raise ForbiddenError(f"this token is for '{reader.customer}' alone; checking a customer shows the topics")
        return self._topics_alone.with_customer(_as_text(text))

    def add(self, text: str, reader: Reader, *, replace: bool = False) -> str:
        """Add a customer: it works at once, and after a restart.

        Args:
            text: The customer's YAML.
            reader: Who asks.
            replace: Whether a customer of this name may have other classes from now on.

        Returns:
            Its name.

        Raises:
            ForbiddenError: If the reader may not.
            TaxonomyError: If the YAML has problems; all of them are listed.
            TakenError: If there is a customer of this name, and it may not be replaced.
            OSError: If it cannot be kept; then it is not added.
        """
        if not reader.changes:
            raise ForbiddenError("customers are added with the admin token; start the server with one")
        with self._lock:
            name = self.check(text, reader).customers[-1]
            with nullcontext(dict(self._added)) if self._store is None else self._store.changing() as added:
                self._take_up(added)
                is_known = name in self.taxonomy.customers
                if is_known and not replace:
                    raise TakenError(f"there is a customer '{name}' already; 'replace=true' gives it other classes")
                changed = _with_customer(self._classifier, text, replace=is_known)
                added[name] = text
            self._classifier, self._added = changed, added
            return name

    def _take_up(self, kept: Mapping[str, str]) -> None:
        """Answer the customers that are kept as they are kept, those too that another server on the store has added."""
        for name, text in kept.items():
            if self._added.get(name) != text:
                known = name in self.taxonomy.customers
                self._classifier = _with_customer(self._classifier, text, replace=known)
                self._added[name] = text


def _with_customer(classifier: HierarchicalTextClassifier, text: str, *, replace: bool) -> HierarchicalTextClassifier:
    """An estimator with one customer more, or other; the one that is given stays as it is."""
    changed = copy.copy(classifier)
    source = _as_text(text)
    return changed.replace_customer(source) if replace else changed.add_customer(source)


def _as_text(text: str) -> str:
    """A YAML text that is never taken for a file's name."""
    return f"{text}\n"


def _without_cache(classifier: HierarchicalTextClassifier) -> HierarchicalTextClassifier:
    """An estimator that leaves nothing of the documents on disk, and shows no bars."""
    served = copy.copy(classifier)
    served.verbose = False
    scorer = served.scorer_
    if scorer.engine is not None:
        served.scorer_ = dataclasses.replace(scorer, engine=scorer.engine.without_cache())
    return served
