"""The taxonomy: the topics, their hierarchy, and every customer's grouping of them.

The map of the whole library. Immutable; it knows nothing of documents, labels in files, or models.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hiercls.errors import ConfigError, InputTypeError, nearest
from hiercls.names import composed
from hiercls.taxonomy.costs import cost_matrix
from hiercls.taxonomy.grouping import Grouping
from hiercls.taxonomy.hierarchy import Hierarchy
from hiercls.taxonomy.renaming import renamed_data
from hiercls.taxonomy.tables import load_table, write_table
from hiercls.taxonomy.validation import Source, TaxonomyParts, load_customer, load_taxonomy
from hiercls.taxonomy.writing import plain_taxonomy, to_yaml

if TYPE_CHECKING:
    import networkx
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from hiercls.taxonomy.identifiability import Identifiability
    from hiercls.taxonomy.view import View


class Taxonomy:
    """Topics, a hierarchy over them, and customers who group them; read it with ``from_yaml`` or ``from_dict``.

    Args:
        parts: What a checked taxonomy file says.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> tiny.topics, tiny.levels, tiny.customers
        (('A', 'B', 'C', 'D', 'E', 'F'), ('area', 'topic'), ('one', 'two', 'three'))
        >>> tiny.view("two").topics_of("BC")
        ('B', 'C')
    """

    def __init__(self, parts: TaxonomyParts) -> None:
        self._parts = parts
        self._views: dict[str, View] = {}

    @classmethod
    def from_yaml(cls, source: str | Path) -> Taxonomy:
        """Read a taxonomy from YAML.

        Args:
            source: A file's path, or YAML text: a string with a line break or ``': '`` in it is taken as text.

        Returns:
            The taxonomy.

        Raises:
            TaxonomyError: If anything is wrong with it; all problems at once, each with its place.

        Example:
            >>> Taxonomy.from_yaml("{hiercls: 1, levels: [topic], topics: [A, B]}").topics
            ('A', 'B')
        """
        return cls(load_taxonomy(source))

    @classmethod
    def read(cls, source: str | Path) -> Taxonomy:
        """Read a taxonomy from Parquet where a path ends in ``.parquet``, else from YAML.

        Args:
            source: A file's path, or YAML text.

        Returns:
            The taxonomy.

        Raises:
            TaxonomyError: If anything is wrong with it; all problems at once.
            MissingExtraError: If it is Parquet and pyarrow is not installed.

        Example:
            >>> Taxonomy.read("{hiercls: 1, levels: [topic], topics: [A, B]}").topics
            ('A', 'B')
        """
        is_table = "\n" not in str(source) and str(source).lower().endswith(".parquet")
        return cls.from_parquet(source) if is_table else cls.from_yaml(source)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Taxonomy:
        """Read a taxonomy from plain data with the keys of a taxonomy file.

        Args:
            data: Nested mappings, lists and strings.

        Returns:
            The taxonomy.

        Raises:
            TaxonomyError: If anything is wrong with it; all problems at once.

        Example:
            >>> Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B"]}).topics
            ('A', 'B')
        """
        return cls(load_taxonomy(data))

    @classmethod
    def from_parquet(cls, path: str | Path) -> Taxonomy:
        """Read a taxonomy that a machine made: a Parquet file of memberships, as ``to_parquet`` writes it.

        Args:
            path: The file, with the columns ``customer``, ``class`` and ``node``.

        Returns:
            The taxonomy.

        Raises:
            TaxonomyError: If anything is wrong with it; all problems at once.
            MissingExtraError: If pyarrow is not installed.
        """
        return cls(load_table(path))

    def to_parquet(self, path: str | Path) -> None:
        """Write the taxonomy as a Parquet file of memberships; ``Taxonomy.from_parquet`` of it is equal to this one.

        Args:
            path: The file, written whole or not at all.

        Raises:
            MissingExtraError: If pyarrow is not installed.
        """
        write_table(self._parts, Path(path))

    def to_dict(self) -> dict[str, object]:
        """The taxonomy as plain data; ``Taxonomy.from_dict`` of it is equal to this one."""
        return plain_taxonomy(self._parts)

    def to_yaml(self) -> str:
        """The taxonomy as YAML; ``Taxonomy.from_yaml`` of it is equal to this one."""
        return to_yaml(self.to_dict())

    @property
    def name(self) -> str:
        """The taxonomy's name."""
        return self._parts.name

    @property
    def levels(self) -> tuple[str, ...]:
        """The level names from the top; the last is the topics'."""
        return self._parts.levels

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics in order: the rows of every view."""
        return self._parts.hierarchy.topics

    @property
    def customers(self) -> tuple[str, ...]:
        """The customers' names in order."""
        return tuple(grouping.name for grouping in self._parts.groupings)

    @property
    def views(self) -> tuple[str, ...]:
        """The names of all views: the levels, then the customers."""
        return (*self.levels, *self.customers)

    @property
    def about(self) -> Mapping[str, str]:
        """One sentence on some of the nodes."""
        return MappingProxyType(dict(self._parts.about))

    @property
    def hierarchy(self) -> Hierarchy:
        """The nodes: which stand below which, and how deep."""
        return self._parts.hierarchy

    def flags(self, name: str) -> Mapping[str, bool]:
        """What a customer declares: whether it may leave topics out, and whether its classes may overlap.

        Args:
            name: The customer.

        Returns:
            The values of ``partial`` and ``overlapping``.

        Raises:
            ConfigError: If there is no such customer.
        """
        return self._grouping(name).flags

    def costs(self, name: str) -> NDArray[np.float64]:
        """What a customer's wrong filings cost, as ``hiercls.metrics.mean_cost`` and ``decoding.least_cost`` take it.

        Args:
            name: The customer.

        Returns:
            The class that a document is filed under by the class that is true, shape (n_classes, n_classes): 0 where
            it is right, 1 where the YAML says nothing.

        Raises:
            ConfigError: If there is no such customer.

        Example:
            >>> data = {"hiercls": 1, "levels": ["topic"], "topics": ["A", "B"]}
            >>> acme = {"customer": "acme", "classes": {"A": "A", "B": "B"}, "costs": {"B": {"A": 5}}}
            >>> Taxonomy.from_dict(data).with_customer(acme).costs("acme").tolist()
            [[0.0, 5.0], [1.0, 0.0]]
        """
        grouping = self._grouping(name)
        return cost_matrix(grouping.costs, grouping.classes)

    @cached_property
    def graph(self) -> networkx.DiGraph:
        """The hierarchy, parent → child, without a root; the node attribute ``kind`` is "inner" or "topic". Frozen."""
        import networkx

        hierarchy = self._parts.hierarchy
        graph = networkx.DiGraph(name=self.name)
        for node in hierarchy.nodes:
            graph.add_node(node, kind="inner" if node in hierarchy.children else "topic")
        graph.add_edges_from((node, child) for node in hierarchy.nodes for child in hierarchy.children.get(node, ()))
        return networkx.freeze(graph)

    def customer_graph(self, name: str) -> networkx.DiGraph:
        """A customer's grouping as a graph of edges class → topic.

        A class named like a topic is the same node as the topic; where it holds that topic the edge is a loop.

        Args:
            name: The customer.

        Returns:
            A graph whose edges are the pairs of class and topic; topics in no class stand without edges.

        Raises:
            ConfigError: If there is no such customer.

        Example:
            >>> from hiercls.taxonomy import shipped
            >>> list(Taxonomy.from_yaml(shipped("tiny")).customer_graph("one").edges)[:3]
            [('ABC', 'A'), ('ABC', 'B'), ('ABC', 'C')]
        """
        import networkx

        grouping = self._grouping(name)
        graph = networkx.DiGraph(name=name)
        graph.add_nodes_from((*grouping.classes, *self.topics))
        for class_name, members in zip(grouping.classes, grouping.members, strict=True):
            graph.add_edges_from((class_name, self.topics[index]) for index in members)
        return graph

    def view(self, name: str) -> View:
        """The classes of a level or a customer.

        Args:
            name: The level or customer.

        Returns:
            The view; the same object each time.

        Raises:
            ConfigError: If there is no such level or customer.

        Example:
            >>> from hiercls.taxonomy import shipped
            >>> Taxonomy.from_yaml(shipped("tiny")).view("area").classes
            ('X', 'Y')
        """
        name = composed(name)
        if name not in self._views:
            if name not in self.levels and name not in self._groupings:
                raise ConfigError(f"unknown level or customer '{name}'; {nearest(name, self.views)}")
            self._views[name] = self._level_view(name) if name in self.levels else self._customer_view(name)
        return self._views[name]

    def level_links(self, level: str) -> csr_array:
        """The edges from the level above to a level: ``links[i, j] = 1`` where node j stands below node i.

        Args:
            level: A level below the first.

        Returns:
            n_nodes of the level above × n_nodes of this level, 0/1. A topic that ends early links to itself.

        Raises:
            ConfigError: If there is no such level, or it is the first.

        Example:
            >>> from hiercls.taxonomy import shipped
            >>> Taxonomy.from_yaml(shipped("tiny")).level_links("topic").toarray().astype(int).tolist()
            [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]
        """
        level = composed(level)
        if level not in self.levels:
            raise ConfigError(f"unknown level '{level}'; {nearest(level, self.levels)}")
        if level == self.levels[0]:
            raise ConfigError(f"level '{level}' is the first: there is no level above it")
        return self._parts.hierarchy.links[self.levels.index(level) - 1].copy()

    def with_customer(self, source: Source) -> Taxonomy:
        """This taxonomy with one more customer.

        Args:
            source: The customer's file, its YAML text or a mapping: ``customer: acme``, ``classes: {…}``.

        Returns:
            A new taxonomy; the customer stands last.

        Raises:
            TaxonomyError: If anything is wrong with the customer; all problems at once.

        Example:
            >>> taxonomy = Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B", "C"]})
            >>> taxonomy.with_customer({"customer": "acme", "classes": {"A": "A", "Other": "rest"}}).customers
            ('acme',)
        """
        return self._with_groupings((*self._parts.groupings, self._load(source, taken=self.customers)))

    def replace_customer(self, source: Source) -> Taxonomy:
        """This taxonomy with a customer's grouping exchanged for another of the same name.

        Args:
            source: The customer's file, its YAML text or a mapping: ``customer: acme``, ``classes: {…}``.

        Returns:
            A new taxonomy; the customer keeps its position.

        Raises:
            TaxonomyError: If anything is wrong with the customer; all problems at once.
            ConfigError: If there is no customer of this name.
        """
        new = self._load(source, taken=())
        self._grouping(new.name)
        return self._with_groupings(new if old.name == new.name else old for old in self._parts.groupings)

    def without_customer(self, name: str) -> Taxonomy:
        """This taxonomy without a customer.

        Args:
            name: The customer.

        Returns:
            A new taxonomy.

        Raises:
            ConfigError: If there is no such customer.
        """
        gone = self._grouping(name)
        return self._with_groupings(grouping for grouping in self._parts.groupings if grouping is not gone)

    def renamed(self, names: Mapping[str, str]) -> Taxonomy:
        """This taxonomy with other names for nodes, levels, customers or classes.

        Args:
            names: New names by old. An old name is that of a node, a level or a customer, or ``customer:class``.

        Returns:
            A new taxonomy.

        Raises:
            ConfigError: If an old name is unknown, or both a node's and a view's.
            TaxonomyError: If a new name is not legal or taken.

        Example:
            >>> taxonomy = Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B"]})
            >>> taxonomy.renamed({"A": "Alpha", "topic": "subject"}).view("subject").classes
            ('Alpha', 'B')
        """
        new = {composed(before): composed(after) for before, after in names.items()}
        return Taxonomy.from_dict(renamed_data(self._parts, new))

    def identifiability(self, views: Iterable[str] | None = None) -> Identifiability:
        """What documents labelled in some views can teach about the topics.

        Args:
            views: The views in which documents are labelled; all customers and no level by default.

        Returns:
            The rank, the topics that no view tells apart, and more.

        Raises:
            ConfigError: If there is no such view.
            InputTypeError: If one string came where a list of names was expected.

        Example:
            >>> from hiercls.taxonomy import shipped
            >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
            >>> tiny.identifiability(["one", "two"]).confounded
            (('B', 'C'),)
        """
        from hiercls.taxonomy.identifiability import identify

        if isinstance(views, str):
            raise InputTypeError(f"expected 'views' to be a list of names, got one string; write ['{views}']")
        names = self.customers if views is None else tuple(views)
        return identify(self.topics, [self.view(name) for name in names])

    def __eq__(self, other: object) -> bool:
        """Whether all names, the hierarchy, the order of everything and every customer's classes are the same."""
        return self._parts == other._parts if isinstance(other, Taxonomy) else NotImplemented

    def __hash__(self) -> int:
        """A hash by names and hierarchy."""
        return hash((self.name, self.levels, self._parts.hierarchy, self.customers))

    def __repr__(self) -> str:
        """The taxonomy's name and sizes."""
        sizes = f"{len(self.topics)} topics, {len(self.levels)} levels, {len(self.customers)} customers"
        return f"<Taxonomy '{self.name}': {sizes}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parts alone: views and graphs are made again."""
        return (Taxonomy, (self._parts,))

    def __copy__(self) -> Taxonomy:
        """Itself: it is immutable."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Taxonomy:
        """Itself: it is immutable."""
        return self

    def _load(self, source: Source, *, taken: tuple[str, ...]) -> Grouping:
        return load_customer(source, hierarchy=self._parts.hierarchy, levels=self.levels, customers=taken)

    def _with_groupings(self, groupings: Iterable[Grouping]) -> Taxonomy:
        return Taxonomy(dataclasses.replace(self._parts, groupings=tuple(groupings)))

    @cached_property
    def _groupings(self) -> dict[str, Grouping]:
        return {grouping.name: grouping for grouping in self._parts.groupings}

    def _grouping(self, name: str) -> Grouping:
        grouping = self._groupings.get(composed(name))
        if grouping is None:
            raise ConfigError(f"unknown customer '{name}'; {nearest(name, self.customers) or 'there are no customers'}")
        return grouping

    def _level_view(self, name: str) -> View:
        from hiercls.taxonomy.view import View

        level, hierarchy = self.levels.index(name), self._parts.hierarchy
        classes, membership = hierarchy.levels[level], hierarchy.memberships[level]
        return View(name=name, topics=self.topics, classes=classes, membership=membership)

    def _customer_view(self, name: str) -> View:
        from hiercls.taxonomy.view import View

        grouping = self._grouping(name)
        members = dict(zip(grouping.classes, grouping.members, strict=True))
        return View.from_members(name, topics=self.topics, members=members)
