"""Sectors of the ring: every path of the hierarchy once, parents as wide as their topics."""

from __future__ import annotations

import math

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from hiercls.report import class_sectors, hierarchy_sectors


@given(data=st.data())
def test_every_path_is_a_sector_as_wide_as_the_topics_at_its_ends(data, worlds, part_of):
    taxonomy = data.draw(worlds(tree=False))
    parts = [part_of(taxonomy, name) for name in taxonomy.levels]
    sectors = hierarchy_sectors(taxonomy.hierarchy, parts)
    graph, roots = taxonomy.graph, taxonomy.hierarchy.roots
    paths = {
        tuple(path)
        for root in roots
        for node in {root, *nx.descendants(graph, root)}
        for path in ([[root]] if node == root else nx.all_simple_paths(graph, root, node))
    }
    assert {sector.path for sector in sectors} == paths
    assert len(sectors) == len(paths)
    for place, sector in enumerate(sectors):
        inside = [path for path in paths if path[: len(sector.path)] == sector.path and path[-1] in taxonomy.topics]
        assert sector.n_topics == len(inside)
        assert len(sector.path) == 1 or sector.path[:-1] in {one.path for one in sectors[:place]}


def test_a_node_takes_its_numbers_from_its_level(tiny, part_of):
    parts = [part_of(tiny, name) for name in tiny.levels]
    sectors = {sector.name: sector for sector in hierarchy_sectors(tiny.hierarchy, parts)}
    for part in parts:
        for one in part.classes:
            sector = sectors[one.name]
            assert (sector.n_documents, sector.accuracy) == (one.n_documents, one.recall)


def test_a_customers_sectors_are_its_classes_and_their_topics(tiny, part_of):
    part, topics = part_of(tiny, "two"), part_of(tiny, "topic")
    sectors = class_sectors(part, topics)
    assert {sector.path for sector in sectors if len(sector.path) == 1} == {("A",), ("BC",), ("DE",), ("F",)}
    assert {sector.path for sector in sectors if len(sector.path) == 2} == {
        *(("A", "A"), ("BC", "B"), ("BC", "C"), ("DE", "D"), ("DE", "E"), ("F", "F"))
    }
    own, fine = ({one.name: one for one in found.classes} for found in (part, topics))
    for sector in sectors:
        one = (own if len(sector.path) == 1 else fine)[sector.name]
        assert sector.accuracy == one.recall or (math.isnan(sector.accuracy) and math.isnan(one.recall))
