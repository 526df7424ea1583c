"""Distances on hierarchies against networkx, and means of costs by hand."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.errors import ConfigError
from hiercls.metrics import common_ancestor_heights, mean_cost, tree_induced_errors
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=25, deadline=None)


def _rooted(taxonomy: Taxonomy) -> nx.DiGraph:
    graph = nx.DiGraph(taxonomy.graph)
    graph.add_edges_from(("the root", node) for node in taxonomy.hierarchy.roots)
    return graph


def _enumerated(taxonomy: Taxonomy, one: str, two: str) -> tuple[int, int]:
    """Over all common ancestors: the shortest way up and down, and the least height."""
    graph = _rooted(taxonomy)
    common = (nx.ancestors(graph, one) | {one}) & (nx.ancestors(graph, two) | {two})
    ways = [nx.shortest_path_length(graph, node, one) + nx.shortest_path_length(graph, node, two) for node in common]
    heights = [nx.dag_longest_path_length(graph.subgraph(nx.descendants(graph, node) | {node})) for node in common]
    return min(ways), min(heights)


@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data())
def test_distances_equal_enumeration(worlds, tree, data) -> None:
    taxonomy = data.draw(worlds(tree=tree))
    nodes = taxonomy.hierarchy.nodes
    errors, heights = tree_induced_errors(taxonomy, nodes=nodes), common_ancestor_heights(taxonomy, nodes=nodes)
    for (i, one), (j, two) in itertools.product(enumerate(nodes), repeat=2):
        assert (errors[i, j], heights[i, j]) == _enumerated(taxonomy, one, two), (one, two)


@QUICK
@given(data=st.data())
def test_on_trees_the_way_in_the_undirected_graph_is_the_error(worlds, data) -> None:
    taxonomy = data.draw(worlds(tree=True))
    ways = dict(nx.all_pairs_shortest_path_length(_rooted(taxonomy).to_undirected()))
    expected = [[ways[one][two] for two in taxonomy.topics] for one in taxonomy.topics]
    assert tree_induced_errors(taxonomy).tolist() == expected


def test_means_by_hand() -> None:
    scores = mean_cost([0, 1, 1, 0], [0, 0, 1, -1], costs=[[0, 9], [3, 1]])
    assert (scores.mean, scores.mean_of_errors) == ((0 + 3 + 1) / 3, 3.0)
    assert (scores.n_documents, scores.n_undetermined) == (3, 1)


def test_where_nothing_counts_there_is_no_mean() -> None:
    scores = mean_cost([0], [-1], costs=np.eye(2))
    assert math.isnan(scores.mean)
    assert math.isnan(scores.mean_of_errors)
    assert math.isnan(mean_cost([0], [0], costs=np.eye(2)).mean_of_errors)


def test_a_matrix_must_be_square() -> None:
    with pytest.raises(ConfigError, match=r"square matrix of costs, got the shape \(2, 3\)"):
        mean_cost([0], [0], costs=np.zeros((2, 3)))
