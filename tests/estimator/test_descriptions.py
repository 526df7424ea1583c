"""What the taxonomy says about topics teaches them: alone, beside documents, and never by taking words from anybody."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.errors import ConfigError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.descriptions import descriptions
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig


@pytest.fixture
def described(tiny) -> Taxonomy:
    """The tiny world, each topic described by the words that its documents have."""
    about = {topic: " ".join(f"{topic.lower()}{number}" for number in range(6)) for topic in tiny.topics}
    return Taxonomy.from_dict({**tiny.to_dict(), "about": {**about, "X": "the first area"}})


def words_alone(taxonomy, **settings) -> HierarchicalTextClassifier:
    return HierarchicalTextClassifier(taxonomy, encoder=None, **settings)


def coarse(tiny, tiny_documents, name):
    texts, topics = tiny_documents
    view = tiny.view(name)
    return texts, [next(one for one in view.classes if topic in view.topics_of(one)) for topic in topics]


@pytest.mark.filterwarnings("ignore:the labelled views leave topics undetermined")
def test_descriptions_tell_topics_apart_that_no_label_tells_apart(tiny, described, tiny_documents):
    texts, topics = tiny_documents
    found = {}
    for weight in (0.0, 4.0):
        model = words_alone(described, training=TrainingConfig(about_weight=weight)).fit(
            *coarse(tiny, tiny_documents, "one"), views="one"
        )
        found[weight] = float(np.mean(model.predict(texts) == topics))
    assert found[4.0] > found[0.0] + 0.2, found


def test_they_do_not_hide_what_the_labels_leave_open(tiny, described, tiny_documents):
    with pytest.warns(UserWarning, match="rank 3 of 6"):
        words_alone(described).fit(*coarse(tiny, tiny_documents, "one"), views="one")


@pytest.mark.filterwarnings("ignore:the labelled views leave topics undetermined")
def test_a_customers_own_words_stay_its_own_and_one_customer_keeps_its_words(tiny, described, tiny_documents):
    texts, labels = coarse(tiny, tiny_documents, "one")
    alone = words_alone(described).fit([f"{text} mine" for text in texts], labels, views="one")
    assert "mine" in alone.scorer_.lexical.terms.names
    half = len(texts) // 2
    other_labels = coarse(tiny, tiny_documents, "two")[1]
    both = words_alone(described).fit(
        [f"{text} mine" if place < half else text for place, text in enumerate(texts)],
        [*labels[:half], *other_labels[half:]],
        views=["one"] * half + ["two"] * (len(texts) - half),
    )
    assert "mine" not in both.scorer_.lexical.terms.names
    assert {"a0", "f5"} <= set(both.scorer_.lexical.terms.names)


def test_each_line_counts_as_so_many_documents_whoever_is_told(described):
    groups = np.array(["one", "two", "two", "three"])
    told = descriptions(described, groups, weight=6.0)
    assert len(told.rows) == 18
    assert told.weights.sum() == pytest.approx(6.0 * 6)
    assert {row.labels for row in told.rows} == {(("topic", topic),) for topic in described.topics}
    assert sorted(zip([row.labels[0][1] for row in told.rows], told.groups.tolist(), strict=True)) == sorted(
        (topic, name) for topic in described.topics for name in ("one", "two", "three")
    )


def test_without_weight_or_descriptions_nothing_is_told(tiny, described):
    groups = np.array(["one"])
    assert descriptions(tiny, groups, weight=4.0).rows == ()
    assert descriptions(described, groups, weight=0.0).rows == ()


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_finite_and_not_negative(weight):
    with pytest.raises(ConfigError, match="0 <= about_weight < inf"):
        TrainingConfig(about_weight=weight)
