"""What a customer does against what it declares, found in simulated worlds where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.customers import audit_filing
from hiercls.errors import ConfigError
from hiercls.taxonomy import Taxonomy, View

UNIFORM = np.full(6, 1 / 6)


def documents(n: int, mix: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Topics, and log p(t|x) of a model that is right about three times of four."""
    topics = random.choice(6, size=n, p=mix)
    logits = 2 * (2 * np.eye(6)[topics] + random.standard_normal((n, 6)) * 1.15)
    logits[:, 1] += 0.5 * logits[:, 2]  # B is taken for C, and more often than C for B
    return topics, logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def audited(tiny: Taxonomy, seed: int, *, moved: dict[int, tuple[int, float]], n: int = 800, mix=UNIFORM):
    """Customer two, {A, BC, DE, F}, files some topics' documents elsewhere; one and three do as they declare."""
    random, view = np.random.default_rng(seed), tiny.view("two")
    topics, logs = documents(n, mix, random)
    filed = view.membership.toarray()[topics].argmax(axis=1)
    for topic, (place, share) in moved.items():
        filed[(topics == topic) & (random.random(n) < share)] = place
    others, reference = documents(2000, UNIFORM, random)
    views = [tiny.view("one").weights.toarray(), tiny.view("three").weights.toarray()]
    weights = np.stack([views[i % 2].T[views[i % 2][topic].argmax()] for i, topic in enumerate(others)])
    found = audit_filing(logs, filed, view=view, reference=reference, weights=weights, pooled=UNIFORM)
    return found, topics, filed


def test_the_share_that_is_filed_elsewhere_is_found(tiny):
    errors, hits = [], 0
    for seed in range(8):
        found, topics, filed = audited(tiny, seed, moved={3: (0, 0.25)})  # a quarter of D under A, not DE
        truth = (filed[topics == 3] == 0).mean()
        errors.append(found.shares[3, 0] - truth)
        hits += any((finding.about, finding.filed) == ("D", "A") for finding in found.findings)
        assert len(found.findings) <= 1
        assert found.lower[3, 0] <= found.shares[3, 0] <= found.upper[3, 0]
    assert hits >= 7
    assert np.abs(errors).mean() < 0.05
    assert abs(np.mean(errors)) < 0.03


def test_a_customer_that_does_as_it_declares_rarely_raises_anything(tiny):
    skewed = np.array([0.05, 0.4, 0.05, 0.1, 0.3, 0.1])
    for mix in (UNIFORM, skewed):
        alarms = [bool(audited(tiny, seed, moved={}, mix=mix)[0].findings) for seed in range(200, 208)]
        assert sum(alarms) <= 1


def test_a_topic_filed_wholly_elsewhere_is_found_and_a_move_proposed(tiny):
    found, topics, filed = audited(tiny, 0, moved={4: (3, 1.0)})  # all of E under F
    (finding,) = found.findings
    assert (finding.about, finding.declared, finding.filed) == ("E", ("DE",), "F")
    assert finding.share > 0.9
    assert finding.n_documents == pytest.approx((topics == 4).sum(), rel=0.25)
    assert found.proposal() == {"A": ["A"], "BC": ["B", "C"], "DE": ["D"], "F": ["E", "F"]}
    assert str(finding).endswith("of 'E' documents are filed under 'F', the YAML says 'DE'")
    assert (topics[list(finding.examples)] == 4).all()
    assert (filed[list(finding.examples)] == 3).all()


def test_what_is_moved_little_by_little_is_found_for_the_class(tiny):
    moved = dict.fromkeys((3, 4), (0, 0.12))
    reports = [audited(tiny, seed, moved=moved, n=1500)[0] for seed in range(6)]
    abouts = [{finding.about for finding in found.findings} for found in reports]
    assert sum(bool(about) for about in abouts) >= 4
    assert all(about <= {"D", "E", "DE"} for about in abouts)
    assert not any("DE" in about and len(about) > 1 for about in abouts)
    assert any(about == {"DE"} for about in abouts)
    assert reports[0].proposal() == {"A": ["A"], "BC": ["B", "C"], "DE": ["D", "E"], "F": ["F"]}


def test_without_a_models_mistakes_shares_are_counts(tiny):
    view, topics = tiny.view("two"), np.repeat(np.arange(6), 100)
    filed = view.membership.toarray()[topics].argmax(axis=1)
    filed[:30] = 3  # of A
    sure = np.log(np.eye(6)[topics] * 0.999 + 0.0002)
    found = audit_filing(sure, filed, view=view, reference=sure, weights=np.eye(6)[topics], pooled=UNIFORM)
    assert found.shares[0].round(2).tolist() == [0.71, 0, 0, 0.29]  # 30 and 72, two as declared
    assert found.mix.round(2).tolist() == [0.17] * 6
    assert [(one.about, one.filed) for one in found.findings] == [("A", "F")]


def test_topics_that_others_do_not_have_are_not_judged(tiny):
    view, topics = tiny.view("two"), np.repeat(np.arange(6), 100)
    sure = np.log(np.eye(6)[topics] * 0.999 + 0.0002)
    filed = np.zeros(600, dtype=int)  # all under A
    left = topics != 5
    found = audit_filing(sure, filed, view=view, reference=sure[left], weights=np.eye(6)[topics[left]], pooled=UNIFORM)
    assert found.unaudited == ("F",)
    assert {finding.about for finding in found.findings} == set("BCDE")


def test_what_others_labels_seldom_tell_apart_is_not_judged(tiny):
    view, topics = tiny.view("two"), np.repeat(np.arange(6), 100)  # A, BC, DE, F
    sure = np.log(np.eye(6)[topics] * 0.999 + 0.0002)
    filed = view.membership.toarray()[topics].argmax(axis=1)
    filed[400:450] = 3  # half of E under F
    members = {name: tiny.view(name).weights.toarray() for name in ("one", "three")}

    def told(number: int) -> list[str]:
        """The customer whose labels stand at each document: three's at so many of each topic, one's at the others."""
        return ["three" if place % 100 < number else "one" for place in range(600)]

    def found(number: int):
        weights = [members[name][topic] @ members[name].T for name, topic in zip(told(number), topics, strict=True)]
        return audit_filing(sure, filed, view=view, reference=sure, weights=weights, pooled=UNIFORM)

    assert [(one.about, one.filed) for one in found(50).findings] == [("E", "F")]  # three tells E from F
    assert ("E", "F") not in found(50).confounded
    assert found(30).findings == ()
    assert ("E", "F") in found(30).confounded
    assert ("D", "F") not in found(0).confounded  # one has D apart


def test_a_topic_that_the_yaml_names_nowhere(tiny):
    view = View.from_members("half", topics="ABCDEF", members={"AB": [0, 1], "C": [2]})
    topics = np.repeat(np.arange(4), 100)
    sure = np.log(np.eye(6)[topics] * 0.999 + 0.0002)
    filed = np.array([0, 0, 1, 1])[topics]
    every = np.repeat(np.arange(6), 50)
    reference = np.log(np.eye(6)[every] * 0.999 + 0.0002)
    found = audit_filing(sure, filed, view=view, reference=reference, weights=np.eye(6)[every], pooled=UNIFORM)
    (finding,) = found.findings
    assert (finding.about, finding.declared, finding.filed) == ("D", (), "C")
    assert "the YAML names it nowhere" in str(finding)
    assert found.proposal() == {"AB": ["A", "B"], "C": ["C", "D"]}


def test_without_others_nothing_can_be_said(tiny):
    with pytest.raises(ConfigError, match="got 1 and 0"):
        audit_filing(
            np.zeros((1, 6)),
            [0],
            view=tiny.view("two"),
            reference=np.zeros((0, 6)),
            weights=np.zeros((0, 6)),
            pooled=UNIFORM,
        )
