"""What changed between two taxonomies, in plain words.

Knows two taxonomies; not how they came to differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from hiercls.taxonomy.document import listed
from hiercls.taxonomy.hierarchy import Hierarchy
from hiercls.taxonomy.taxonomy import Taxonomy
from hiercls.taxonomy.view import View

Classes = Mapping[str, frozenset[str]]


def differences(old: Taxonomy, new: Taxonomy) -> tuple[str, ...]:
    """Say what changed from one taxonomy to another.

    Args:
        old: The taxonomy as it was.
        new: The taxonomy as it is.

    Returns:
        One sentence per change; none exactly where the taxonomies are equal.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> classes = {"ABC": ["A", "B", "C", "D"], "EF": ["E", "F"]}
        >>> differences(tiny, tiny.replace_customer({"customer": "one", "classes": classes}))
        ("customer one: class 'D' is merged into 'ABC'",)
    """
    found = [*_names(old, new), *_nodes(old.hierarchy, new.hierarchy), *_sentences(old, new), *_customers(old, new)]
    if not found and old != new:
        found.append("only the order of nodes, customers or classes changed, or how costs are written")
    return tuple(found)


def _names(old: Taxonomy, new: Taxonomy) -> Iterator[str]:
    if old.name != new.name:
        yield f"the taxonomy '{old.name}' is now called '{new.name}'"
    if len(old.levels) != len(new.levels):
        yield f"the levels were {listed(old.levels)} and are now {listed(new.levels)}"
        return
    for before, after in zip(old.levels, new.levels, strict=True):
        if before != after:
            yield f"level '{before}' is now called '{after}'"


def _nodes(old: Hierarchy, new: Hierarchy) -> Iterator[str]:
    renamed = _renamed_inner_nodes(old, new)
    for before, after in renamed.items():
        yield f"inner node '{before}' is now called '{after}'"
    for kind, here, there in (("removed", old, new), ("added", new, old)):
        gone = [node for node in here.nodes if node not in there.depth]
        gone = [node for node in gone if node not in renamed and node not in renamed.values()]
        topics = [node for node in gone if node not in here.children]
        inner = [node for node in gone if node in here.children]
        if topics:
            yield f"topic{'s' * (len(topics) > 1)} {kind}: {listed(topics)}"
        if inner:
            yield f"inner node{'s' * (len(inner) > 1)} {kind}: {listed(inner)}"
    for node in old.nodes:
        if node in new.depth:
            yield from _moved(node, old, new, renamed)


def _moved(node: str, old: Hierarchy, new: Hierarchy, renamed: Mapping[str, str]) -> Iterator[str]:
    kinds = ["inner node" if node in hierarchy.children else "topic" for hierarchy in (old, new)]
    if kinds[0] != kinds[1]:
        yield f"'{node}' was {_article(kinds[0])} and is now {_article(kinds[1])}"
    before = frozenset(renamed.get(parent, parent) for parent in old.parents[node])
    after = frozenset(new.parents[node])
    if before != after:
        yield f"'{node}' moved from {_place(before)} to {_place(after)}"


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] == "i" else f"a {kind}"


def _place(parents: Iterable[str]) -> str:
    names = sorted(parents)
    return f"under {' and '.join(map(repr, names))}" if names else "the top"


def _renamed_inner_nodes(old: Hierarchy, new: Hierarchy) -> dict[str, str]:
    """Inner nodes that went, by those that came with the same topics of both taxonomies; only without a choice."""
    common = _common(old, new)
    came: dict[frozenset[str], list[str]] = defaultdict(list)
    went: dict[frozenset[str], list[str]] = defaultdict(list)
    for here, there, found in ((old, new, went), (new, old, came)):
        for node in here.nodes:
            if node in here.children and node not in there.depth:
                found[common.intersection(here.topics[index] for index in here.below(node))].append(node)
    pairs = ((nodes, came.get(topics, [])) for topics, nodes in went.items() if topics)
    return {before[0]: after[0] for before, after in pairs if len(before) == len(after) == 1}


def _common(old: Hierarchy, new: Hierarchy) -> frozenset[str]:
    return frozenset(old.topics) & frozenset(new.topics)


def _sentences(old: Taxonomy, new: Taxonomy) -> Iterator[str]:
    for node in dict.fromkeys((*old.about, *new.about)):
        before, after = old.about.get(node), new.about.get(node)
        if before != after:
            word = "added" if before is None else "taken out" if after is None else "changed"
            yield f"the sentence on '{node}' is {word}"


def _customers(old: Taxonomy, new: Taxonomy) -> Iterator[str]:
    went = [name for name in old.customers if name not in new.customers]
    came = [name for name in new.customers if name not in old.customers]
    common = _common(old.hierarchy, new.hierarchy)
    for name in list(went):
        classes = _classes(old.view(name), common)
        twin = next((other for other in came if classes == _classes(new.view(other), common)), None)
        if twin is not None:
            yield f"customer '{name}' is now called '{twin}'"
            went.remove(name)
            came.remove(twin)
            yield from _flags(twin, old.flags(name), new.flags(twin))
    for word, names in (("removed", went), ("added", came)):
        if names:
            yield f"customer{'s' * (len(names) > 1)} {word}: {listed(names)}"
    for name in old.customers:
        if name in new.customers:
            changes = [*_flags(name, old.flags(name), new.flags(name)), *_regrouped(old, new, name)]
            changes += _repriced(old, new, name)
            same = not changes and old.view(name).classes != new.view(name).classes
            yield from [f"customer {name}: the classes stand in another order"] if same else changes


def _repriced(old: Taxonomy, new: Taxonomy, name: str) -> Iterator[str]:
    """Whether other costs are said of the classes that stayed."""
    tables = []
    for taxonomy in (old, new):
        view, costs = taxonomy.view(name), taxonomy.costs(name)
        tables.append({(a, b): costs[i, j] for i, a in enumerate(view.classes) for j, b in enumerate(view.classes)})
    if any(tables[0][pair] != tables[1][pair] for pair in tables[0].keys() & tables[1].keys()):
        yield f"customer {name}: the costs of wrong filings changed"


def _flags(name: str, old: Mapping[str, bool], new: Mapping[str, bool]) -> Iterator[str]:
    for flag, value in new.items():
        if old[flag] != value:
            yield f"customer {name}: {flag} is now {'true' if value else 'false'}"


def _classes(view: View, among: frozenset[str]) -> dict[str, frozenset[str]]:
    return {name: among.intersection(view.topics_of(name)) for name in view.classes}


def _regrouped(old: Taxonomy, new: Taxonomy, name: str) -> Iterator[str]:
    """How a customer's classes changed on the topics that both taxonomies have; new and lost topics are said above."""
    common = _common(old.hierarchy, new.hierarchy)
    before, after = _classes(old.view(name), common), _classes(new.view(name), common)
    came_to = _classes(new.view(name), frozenset(new.topics) - common)
    told: set[str] = set()
    became: dict[str, frozenset[str]] = {key: frozenset([key]) for key in before if key in after}
    for sentence, olds, news in _restructured(before, after):
        yield f"customer {name}: {sentence}"
        told.update((*olds, *news))
        became.update(dict.fromkeys(olds, news))
    for word, here, there in (("removed", before, after), ("added", after, before)):
        rest = [key for key in here if key not in there and key not in told]
        if rest:
            yield f"customer {name}: class{'es' * (len(rest) > 1)} {word}: {listed(rest)}"
    for sentence in _moves(before, after, became):
        yield f"customer {name}: {sentence}"
    for key, topics in came_to.items():
        if topics:
            yield f"customer {name}: new in '{key}': {listed(sorted(topics))}"


def _restructured(before: Classes, after: Classes) -> Iterator[tuple[str, frozenset[str], frozenset[str]]]:
    """Classes that were renamed, split or merged: the sentence, the old classes and the new ones."""
    went = {key: topics for key, topics in before.items() if after.get(key) != topics and topics}
    came = {key: topics for key, topics in after.items() if before.get(key) != topics and topics}
    for old, parts in _made_of(went, came):
        if len(parts) > 1:
            yield f"class '{old}' is split into {listed(parts)}", frozenset([old]), frozenset(parts)
        elif old not in after and parts[0] not in before:
            yield f"class '{old}' is now called '{parts[0]}'", frozenset([old]), frozenset(parts)
    for new, parts in _made_of(came, went):
        merged = [key for key in parts if key != new]
        if len(parts) > 1:
            noun, verb = ("class", "is") if len(merged) == 1 else ("classes", "are")
            yield f"{noun} {listed(merged)} {verb} merged into '{new}'", frozenset(parts), frozenset([new])


def _made_of(wholes: Classes, pieces: Classes) -> Iterator[tuple[str, list[str]]]:
    """The classes that are exactly the union of some pieces, with these."""
    holders = _holders(pieces)
    for whole, topics in wholes.items():
        near = dict.fromkeys(piece for topic in sorted(topics) for piece in sorted(holders.get(topic, ())))
        parts = [piece for piece in near if pieces[piece] <= topics]
        if parts and frozenset().union(*(pieces[piece] for piece in parts)) == topics:
            yield whole, parts


def _moves(before: Classes, after: Classes, became: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Topics whose classes are not those that their old classes became."""
    held_before, held_after = _holders(before), _holders(after)
    moves: dict[tuple[frozenset[str], frozenset[str]], list[str]] = defaultdict(list)
    for topic in sorted({*held_before, *held_after}):
        olds, news = held_before.get(topic, frozenset()), held_after.get(topic, frozenset())
        expected = [news & became.get(old, frozenset()) for old in olds]
        if not all(expected) or frozenset().union(*expected) != news:
            moves[olds, news].append(topic)
    for (olds, news), topics in moves.items():
        yield f"{listed(topics)} moved from {_held(olds)} to {_held(news)}"


def _holders(classes: Classes) -> dict[str, frozenset[str]]:
    holders: dict[str, set[str]] = defaultdict(set)
    for key, topics in classes.items():
        for topic in topics:
            holders[topic].add(key)
    return {topic: frozenset(keys) for topic, keys in holders.items()}


def _held(classes: frozenset[str]) -> str:
    return " and ".join(f"'{name}'" for name in sorted(classes)) or "no class"
