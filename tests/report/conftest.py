"""A page on the tiny world, made without a model, under any names."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.metrics import evaluate_view, risk_coverage, score_probabilities, top_reliability
from hiercls.plots import confusion
from hiercls.report import Audited, Contents, Mistake, ViewPart, hierarchy_sectors
from hiercls.taxonomy import Taxonomy


def _part(taxonomy, name, *, seed=0, **own):
    """A view's part, of forty random answers."""
    random, view = np.random.default_rng(seed), taxonomy.view(name)
    logs = np.log(random.dirichlet(np.ones(len(view.classes)), size=40))
    truth, said = random.integers(-1, len(view.classes), size=40), logs.argmax(axis=1)
    return ViewPart(
        view=view,
        is_level=name in taxonomy.levels,
        scores=evaluate_view(view, said, truth),
        probabilities=score_probabilities(logs, truth),
        confusion=confusion(said, truth, view=view, taxonomy=taxonomy),
        reliability=top_reliability(logs, truth),
        curves={"no answer where uncertain": risk_coverage(logs.max(axis=1), said != truth)},
        **own,
    )


def _contents(taxonomy: Taxonomy, *, text: str = "a document") -> Contents:
    """A whole report; every name of the taxonomy and the text stand on the page."""
    parts = [_part(taxonomy, name) for name in taxonomy.levels]
    parts += [
        _part(taxonomy, name, own=0.5, gain=(0.1, 0.2), learning={3: 0.25, 7: 0.5}) for name in taxonomy.customers
    ]
    topics, customer = taxonomy.topics, taxonomy.customers[0]
    mistake = Mistake(text=text, truth=topics[0], answer=topics[1], probability=0.9, of_truth=0.05)
    audited = Audited(
        customer=customer, n_documents=9, findings=(), unaudited=topics[2:], confounded=((topics[0], customer),)
    )
    return Contents(
        name=taxonomy.name,
        customer=None,
        n_documents=40,
        n_empty=1,
        views=parts,
        sectors=hierarchy_sectors(taxonomy.hierarchy, parts[: len(taxonomy.levels)]),
        mistakes={f"Customer {customer}": [mistake]},
        teaching=[taxonomy.identifiability().summary()],
        audits=[audited],
        settings={"documents": text},
    )


@pytest.fixture(scope="session")
def part_of():
    """Makes a view's part."""
    return _part


@pytest.fixture(scope="session")
def contents_of():
    """Makes a whole report."""
    return _contents


@pytest.fixture
def contents(tiny):
    return _contents(tiny)
