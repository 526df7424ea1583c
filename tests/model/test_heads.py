"""The cascade: shapes, composition against enumeration over paths, and teacher forcing."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.errors import ConfigError
from hiercls.model.cascade import Forcing
from hiercls.model.heads import FLOOR, CascadeHead, HeadConfig
from hiercls.model.levels import Hierarchy
from hiercls.taxonomy import Taxonomy

DAG = {
    "hiercls": 1,
    "levels": ["root", "area", "topic"],
    "topics": {"R": {"X": ["A", "B"], "M": ["C", "D"]}, "S": ["M", {"Y": ["D", "E"]}]},
    "multi_parent": ["M", "D"],
}
RAGGED = {"hiercls": 1, "levels": ["area", "group", "topic"], "topics": {"X": {"X1": ["A", "B"]}, "W": None}}
EDGES = {
    "dag": ({"R": "XM", "S": "MY"}, {"X": "AB", "M": "CD", "Y": "DE"}),
    "tree": ({"X": "ABC", "Y": "DEF"},),
}


def make_head(taxonomy: Taxonomy, width: int = 4, **settings: Any) -> CascadeHead:
    torch.manual_seed(0)
    return CascadeHead(width, Hierarchy.of(taxonomy), HeadConfig(**{"hidden": 5, **settings})).double().eval()


@pytest.fixture(autouse=True)
def _same_seed() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def by_paths(taxonomy: Taxonomy, edges: Any, logits: list[np.ndarray]) -> dict[str, float]:
    """p(topic): over all paths, the product of softmaxes among each parent's children."""
    levels = [taxonomy.view(level).classes for level in taxonomy.levels]
    exp = [dict(zip(nodes, np.exp(row), strict=True)) for nodes, row in zip(levels, logits, strict=True)]
    found = dict.fromkeys(levels[-1], 0.0)
    for path in itertools.product(*levels):
        chance = exp[0][path[0]] / sum(exp[0].values())
        for depth, (parent, child) in enumerate(itertools.pairwise(path)):
            children = edges[depth].get(parent, parent)
            if child not in children:
                chance = 0.0
                break
            chance *= exp[depth + 1][child] / sum(exp[depth + 1][one] for one in children)
        found[path[-1]] += chance
    return found


@pytest.mark.parametrize("world", ["dag", "tree"])
def test_path_composition_is_the_sum_over_paths(world: str, tiny: Taxonomy) -> None:
    taxonomy = Taxonomy.from_dict(DAG) if world == "dag" else tiny
    output = make_head(taxonomy, composition="path")(torch.randn(3, 4, dtype=torch.float64) * 3)
    for row in range(3):
        expected = by_paths(taxonomy, EDGES[world], [z[row].detach().numpy() for z in output.logits])
        np.testing.assert_allclose(output.topics[row].exp().detach().numpy(), list(expected.values()), atol=1e-12)
    for level in output.log_probabilities:
        torch.testing.assert_close(level.exp().sum(-1), torch.ones(3, dtype=torch.float64))


def test_a_node_with_several_parents_has_one_logit() -> None:
    taxonomy = Taxonomy.from_dict(DAG)
    output = make_head(taxonomy, composition="path")(torch.zeros(1, 4, dtype=torch.float64))
    assert [z.shape[1] for z in output.logits] == [2, 3, 5]


def test_a_shallow_leaf_keeps_its_probability_on_deeper_levels() -> None:
    taxonomy = Taxonomy.from_dict(RAGGED)
    output = make_head(taxonomy, composition="path")(torch.randn(3, 4, dtype=torch.float64))
    columns = [taxonomy.view(level).index("W") for level in taxonomy.levels]
    first, *deeper = (level[:, column] for level, column in zip(output.log_probabilities, columns, strict=True))
    for below in deeper:
        torch.testing.assert_close(below, first)


def test_topic_composition_is_each_level_s_softmax(tiny: Taxonomy) -> None:
    output = make_head(tiny)(torch.randn(3, 4, dtype=torch.float64))
    for logits, found in zip(output.logits, output.log_probabilities, strict=True):
        torch.testing.assert_close(found, logits.log_softmax(-1))


@pytest.mark.parametrize("composition", ["topic", "path"])
def test_the_second_level_reads_the_encoding_and_the_floored_first(tiny: Taxonomy, composition: Any) -> None:
    head = make_head(tiny, composition=composition)
    with torch.no_grad():
        head.heads[0][-1].bias.copy_(torch.tensor([15.0, -15.0]))
    encodings = torch.randn(2, 4, dtype=torch.float64)
    output = head(encodings)
    fed = output.log_probabilities[0].clamp_min(FLOOR)
    assert (fed == FLOOR).any()
    torch.testing.assert_close(output.logits[1], head.heads[1](torch.cat([encodings, fed], dim=-1)))


def test_raw_logits_may_be_fed_instead(tiny: Taxonomy) -> None:
    head = make_head(tiny, feed="logits")
    encodings = torch.randn(2, 4, dtype=torch.float64)
    output = head(encodings)
    torch.testing.assert_close(output.logits[1], head.heads[1](torch.cat([encodings, output.logits[0]], dim=-1)))


def test_probabilities_may_be_fed_instead(tiny: Taxonomy) -> None:
    head = make_head(tiny, feed="probabilities")
    encodings = torch.randn(2, 4, dtype=torch.float64)
    output = head(encodings)
    fed = output.logits[0].softmax(-1)
    torch.testing.assert_close(output.logits[1], head.heads[1](torch.cat([encodings, fed], dim=-1)))
    allowed = (torch.tensor([[True, False]] * 2),)
    forced = head(encodings, forcing=Forcing(allowed=allowed, documents=torch.tensor([True, False])))
    one_hot = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(forced.logits[1][:1], head.heads[1](torch.cat([encodings[:1], one_hot], dim=-1)))
    torch.testing.assert_close(forced.logits[1][1], output.logits[1][1])


def test_nothing_may_be_fed(tiny: Taxonomy) -> None:
    head = make_head(tiny, feed="none")
    encodings = torch.randn(2, 4, dtype=torch.float64)
    output = head(encodings)
    for logits, own in zip(output.logits, head.heads, strict=True):
        torch.testing.assert_close(logits, own(encodings))


def test_a_flat_head_has_nothing_but_the_topics(tiny: Taxonomy) -> None:
    head = make_head(tiny, composition="flat", hidden=0)
    encodings = torch.randn(3, 4, dtype=torch.float64)
    (weight, bias), output = head.parameters(), head(encodings)
    torch.testing.assert_close(output.topics, (encodings @ weight.T + bias).log_softmax(-1))
    assert len(output.log_probabilities) == 1


MIX = {"dag": [0.1, 0.2, 0.3, 0.25, 0.15], "tree": [0.05, 0.15, 0.3, 0.2, 0.1, 0.2]}


@pytest.mark.parametrize("world", ["dag", "tree"])
def test_adjusted_conditionals_equal_enumeration_over_paths(world: str, tiny: Taxonomy) -> None:
    taxonomy, tau, mix = Taxonomy.from_dict(DAG) if world == "dag" else tiny, 0.7, np.array(MIX[world])
    config = HeadConfig(hidden=5, composition="path", logit_adjustment=tau)
    head = config.build(4, taxonomy, mix=mix).double().eval()
    output = head(torch.randn(3, 4, dtype=torch.float64) * 3)
    plain = [z.detach().numpy() for z in output.logits]
    views = [taxonomy.view(level) for level in taxonomy.levels]
    mass = [dict(zip(view.classes, (mix @ view.membership).tolist(), strict=True)) for view in views]
    for row in range(3):
        chances = by_paths(taxonomy, EDGES[world], [z[row] for z in plain])
        np.testing.assert_allclose(output.topics[row].exp().detach().numpy(), list(chances.values()), atol=1e-12)
        # raising a logit by τ log(mass) among siblings is the same as by τ log of the share of the siblings' mass
        raised = [z[row] + tau * np.log(list(own.values())) for z, own in zip(plain, mass, strict=True)]
        expected = by_paths(taxonomy, EDGES[world], raised)
        np.testing.assert_allclose(output.taught[row].exp().detach().numpy(), list(expected.values()), atol=1e-7)
    assert not torch.allclose(output.taught, output.topics, atol=0.01)


def test_shares_of_siblings_sum_to_one_and_shallow_leaves_have_all_of_theirs() -> None:
    first, *deeper = Hierarchy.of(Taxonomy.from_dict(RAGGED)).shares(np.array([0.2, 0.3, 0.5]))
    np.testing.assert_allclose(first, [0.5, 0.5])
    np.testing.assert_allclose(deeper[0], [1.0, 1.0])
    np.testing.assert_allclose(deeper[1], [0.4, 0.6, 1.0])


@pytest.mark.parametrize("settings", [{}, {"composition": "path"}, {"composition": "topic", "logit_adjustment": 1.0}])
def test_what_is_not_adjusted_down_the_path_is_taught_as_it_is_answered(tiny: Taxonomy, settings: Any) -> None:
    head = HeadConfig(**settings).build(4, tiny, mix=np.full(6, 1 / 6)).eval()
    output = head(torch.randn(2, 4))
    assert output.taught is output.topics


def test_settings_say_what_they_answer_for_and_what_can_be_forced() -> None:
    assert HeadConfig(logit_adjustment=0.5).mix_adjustment == 0.5
    assert HeadConfig(composition="path").mix_adjustment == 0.0
    assert HeadConfig(composition="path", logit_adjustment=0.5).mix_adjustment is None
    assert HeadConfig().can_be_forced
    assert not HeadConfig(feed="none").can_be_forced
    assert not HeadConfig(composition="flat").can_be_forced


def test_forcing_replaces_what_is_fed_for_the_forced_documents_alone() -> None:
    taxonomy = Taxonomy.from_dict(DAG)
    head = make_head(taxonomy)
    encodings = torch.randn(3, 4, dtype=torch.float64)
    free = head(encodings)
    allowed = (torch.tensor([[True, False]] * 3), torch.tensor([[True, True, False]] * 3))
    forced = head(encodings, forcing=Forcing(allowed=allowed, documents=torch.tensor([True, False, True])))
    assert forced.logits[0].equal(free.logits[0])
    torch.testing.assert_close(forced.logits[2][1], free.logits[2][1])
    assert not torch.allclose(forced.logits[1][0], free.logits[1][0])
    one_hot = torch.tensor([[0.0, FLOOR]] * 3, dtype=torch.float64)
    torch.testing.assert_close(forced.logits[1][[0, 2]], head.heads[1](torch.cat([encodings, one_hot], -1))[[0, 2]])
    own = forced.logits[1].exp() * allowed[1]
    mixture = (own / own.sum(-1, keepdim=True)).log().clamp_min(FLOOR)
    torch.testing.assert_close(forced.logits[2][[0, 2]], head.heads[2](torch.cat([encodings, mixture], -1))[[0, 2]])


def test_forced_values_are_detached_and_free_ones_are_not(tiny: Taxonomy) -> None:
    head = make_head(tiny)
    allowed = (torch.tensor([[True, True], [True, True]]),)
    for documents, flows in (([True, True], False), ([False, False], True)):
        head.zero_grad()
        forcing = Forcing(allowed=allowed, documents=torch.tensor(documents))
        head(torch.randn(2, 4, dtype=torch.float64), forcing=forcing).topics[:, 0].sum().backward()
        gradient = head.heads[0][0].weight.grad
        assert (gradient is not None and bool(gradient.any())) == flows


def test_one_level_is_a_plain_classifier() -> None:
    taxonomy = Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B"]})
    for composition in ("topic", "path"):
        head = make_head(taxonomy, composition=composition)
        output = head(torch.randn(3, 4, dtype=torch.float64), forcing=Forcing(allowed=(), documents=torch.ones(3) > 0))
        torch.testing.assert_close(output.topics, output.logits[0].log_softmax(-1))


def test_no_hidden_layer_drops_entries_of_the_encoding(tiny: Taxonomy) -> None:
    head = make_head(tiny, hidden=0, dropout=0.5)
    assert all(isinstance(one, torch.nn.Linear) for one in head.heads)
    encodings = torch.ones(1, 4, dtype=torch.float64)
    assert head(encodings).topics.equal(head(encodings).topics)
    head.train()
    drawn = {tuple(head(encodings).topics[0].tolist()) for _ in range(8)}
    assert len(drawn) > 1


def test_weights_alone_are_saved(tiny: Taxonomy) -> None:
    config = HeadConfig(composition="path", logit_adjustment=1.0)
    for head in (make_head(tiny, composition="path"), config.build(4, tiny, mix=np.full(6, 1 / 6))):
        assert all(name.startswith("heads.") for name in head.state_dict())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hidden": -1}, "hidden >= 0, got -1"),
        ({"dropout": 1.0}, "0 <= dropout < 1, got 1.0"),
        ({"feed": "softmax"}, "got 'softmax'"),
        ({"composition": "tree"}, "got 'tree'"),
        ({"logit_adjustment": -0.5}, "logit_adjustment >= 0, got -0.5"),
        ({"logit_adjustment": math.inf}, "logit_adjustment >= 0, got inf"),
    ],
)
def test_settings_are_checked_at_birth(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        HeadConfig(**settings)
