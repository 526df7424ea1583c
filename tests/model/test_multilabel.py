"""Heads and views where a document may have several topics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.aggregation import Entries, noisy_or
from hiercls.errors import ConfigError
from hiercls.model.cascade import Forcing
from hiercls.model.heads import FLOOR, CascadeHead, HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.levels import Hierarchy
from hiercls.model.multilabel import SeveralTopics
from hiercls.taxonomy import Taxonomy


def test_a_level_is_fed_the_floored_log_sigmoid_of_the_level_above(tiny: Taxonomy) -> None:
    head = CascadeHead(3, Hierarchy.of(tiny), HeadConfig(hidden=0, dropout=0.0), task=SeveralTopics()).eval()
    with torch.no_grad():
        head.heads[0].bias.copy_(torch.tensor([2.0, -500.0]))
    h = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    output = head(h)
    u = torch.nn.functional.logsigmoid(output.logits[0]).clamp_min(FLOOR)
    assert (u[:, 1] == FLOOR).all()
    torch.testing.assert_close(output.logits[1], head.heads[1](torch.cat([h, u], dim=-1)))
    torch.testing.assert_close(output.topics, torch.nn.functional.logsigmoid(output.logits[1]))


def test_teacher_forcing_replaces_what_is_told_and_nothing_else(tiny: Taxonomy) -> None:
    head = CascadeHead(3, Hierarchy.of(tiny), HeadConfig(hidden=0, dropout=0.0), task=SeveralTopics())
    h = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    told = torch.tensor([[1.0, torch.nan], [torch.nan, 0.0], [1.0, 0.0]])
    output = head(h, forcing=Forcing(allowed=(told,), documents=torch.tensor([True, True, False])))
    u = torch.nn.functional.logsigmoid(output.logits[0])
    fed = torch.stack([torch.stack([torch.tensor(0.0), u[0, 1]]), torch.stack([u[1, 0], torch.tensor(FLOOR)]), u[2]])
    torch.testing.assert_close(output.logits[1], head.heads[1](torch.cat([h, fed], dim=-1)))
    output.logits[1][1].sum().backward()  # the part that is not told passes its gradient on
    assert head.heads[0].weight.grad is not None
    assert head.heads[0].weight.grad[0].any()
    assert not head.heads[0].weight.grad[1].any()


def test_probabilities_may_be_fed_and_what_is_told_of_them(tiny: Taxonomy) -> None:
    config = HeadConfig(hidden=0, dropout=0.0, feed="probabilities")
    head = config.build(3, tiny, task=SeveralTopics()).eval()
    h = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    told = torch.tensor([[1.0, torch.nan], [0.0, 1.0]])
    output = head(h, forcing=Forcing(allowed=(told,), documents=torch.tensor([True, True])))
    own = output.logits[0].sigmoid()
    fed = torch.stack([torch.stack([torch.tensor(1.0), own[0, 1]]), torch.tensor([0.0, 1.0])])
    torch.testing.assert_close(output.logits[1], head.heads[1](torch.cat([h, fed], dim=-1)))


@pytest.mark.parametrize("form", ["text_propagation", "label_attention"])
def test_hiagm_has_a_sigmoid_a_node(tiny: Taxonomy, form: str) -> None:
    head = HiagmConfig(form=form, node_width=6).build(3, tiny, task=SeveralTopics()).eval()
    output = head(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    assert [tuple(logits.shape) for logits in output.logits] == [(4, 2), (4, 6)]
    for logits, found in zip(output.logits, output.log_probabilities, strict=True):
        torch.testing.assert_close(found.exp(), logits.sigmoid())


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_child_is_never_predicted_without_its_parent(data: st.DataObject, worlds) -> None:
    taxonomy = data.draw(worlds(tree=False))
    seed, threshold = data.draw(st.integers(0, 1000)), data.draw(st.floats(0.01, 0.99))
    task = SeveralTopics(threshold=threshold)
    odds = torch.randn(5, len(taxonomy.topics), generator=torch.Generator().manual_seed(seed)) * 5
    topics = torch.nn.functional.logsigmoid(odds)
    for above, below in zip(taxonomy.levels, taxonomy.levels[1:], strict=False):
        parents, children = (task.classes(topics, taxonomy.view(name)).exp().numpy() for name in (above, below))
        for parent, child in zip(*taxonomy.level_links(below).nonzero(), strict=True):
            assert (parents[:, parent] >= children[:, child] - 1e-6).all()
    scope = task.scope(topics, taxonomy.view("parts"))
    torch.testing.assert_close(scope, noisy_or(topics, Entries.of_matrix(np_ones(len(taxonomy.topics))))[:, 0])


def np_ones(n_topics: int):
    from scipy.sparse import csr_array

    return csr_array(np.ones((1, n_topics)))


def test_an_answer_is_an_indicator_and_may_be_empty(tiny: Taxonomy) -> None:
    classes = torch.tensor([[0.6, 0.7, 0.1], [0.1, 0.2, 0.3]]).log()
    assert SeveralTopics(threshold=0.6).answers(classes, tiny.view("one")).tolist() == [[1, 1, 0], [0, 0, 0]]
    assert SeveralTopics(threshold=0.2).chosen(classes).tolist() == [[True, True, False], [False, True, True]]
    with pytest.raises(ConfigError, match="0 < threshold < 1"):
        SeveralTopics(threshold=1.0)
