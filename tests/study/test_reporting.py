"""What a report measures: own data beside the model, mistakes, audits; and what may not stand on a customer's page."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from hiercls.data.rows import Row
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.plots.bars import plot_probabilities
from hiercls.report import Contents, render
from hiercls.study import reporting
from hiercls.study.answers import Answers, truths_of
from hiercls.study.baselines import OWN_DATA, Documents, predict_from_own_data
from hiercls.study.labelled import Labelled
from hiercls.study.report import save_svg
from hiercls.study.reporting import Evaluated, report_for, report_on_all
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve

CUSTOMERS = {"one": "Albion", "two": "Borealis", "three": "Cascadia"}
"""Names that stand nowhere else on a page."""


@pytest.fixture(scope="module")
def world(tiny):
    """The tiny world, its customers and their classes named so that they can be searched for."""
    names = {"X": "Xanadu", "Y": "Ypsilon", **CUSTOMERS}
    for old, new in CUSTOMERS.items():
        names |= {f"{old}:{one}": f"{new} {one}" for one in tiny.view(old).classes}
    return Taxonomy.from_dict({**tiny.renamed(names).to_dict(), "name": "Atlas"})


@pytest.fixture(scope="module")
def rows(world, tiny_documents):
    """Every document with its customer's class and its topic, and a word of its customer's alone."""
    rows = []
    for number, (text, topic) in enumerate(zip(*tiny_documents, strict=True)):
        name = world.customers[number // 6 % 3]
        view = world.view(name)
        label = next(one for one in view.classes if topic in view.topics_of(one))
        labels = ((name, label),) if number % 2 else ((name, label), ("topic", topic))
        rows.append(Row(text=f"{text} secretof{name}", labels=labels, customer=name, file=f"{name}.csv"))
    return rows


@pytest.fixture(scope="module")
def classifier(world, rows):
    coarse = [dataclasses.replace(row, labels=row.labels[:1]) for row in rows]
    return HierarchicalTextClassifier(world, encoder=None).fit_rows(coarse)


def asked(classifier, rows, *, training=None) -> Evaluated:
    """The model's answers, a fifth of them turned around so that there are mistakes."""
    taxonomy = classifier.taxonomy_
    documents = Labelled(rows=tuple(rows), labels=resolve(taxonomy, rows).labels)
    topics = classifier.scorer_.topics(documents.texts)
    topics[::5] = topics[::5].flip(-1)
    answers = Answers.of(classifier.scorer_, taxonomy, topics, truths_of(documents.labels, taxonomy))
    known = None if training is None else Labelled(rows=tuple(training), labels=resolve(taxonomy, training).labels)
    return Evaluated(documents=documents, answers=answers, training=known)


@pytest.fixture(scope="module")
def tested(classifier, rows):
    return asked(classifier, rows[:60], training=rows[60:])


@pytest.fixture(scope="module")
def whole(classifier, tested) -> Contents:
    return report_on_all(classifier, tested, about={"model": "here"})


def test_all_views_stand_on_the_whole_page_with_the_scores_of_their_answers(world, tested, whole):
    assert [part.name for part in whole.views] == list(world.views)
    for part in whole.views:
        truth, said = tested.answers.truths[part.name], tested.answers.classes[part.name].argmax(axis=1)
        known = truth >= 0
        assert part.scores.accuracy == pytest.approx((said == truth)[known].mean())
        assert part.confusion.counts.sum() == part.reliability.count.sum() == known.sum()
        assert part.curves[reporting.NONE].risk[-1] == pytest.approx((said != truth)[known].mean())
    assert set(whole.views[1].curves) == {reporting.COARSER, reporting.NONE}
    assert whole.settings["model"] == "here"


def test_own_data_is_the_best_plain_classifier_on_the_customers_own_documents(world, rows, tested, whole):
    for part in whole.customers:
        own = [row for row in rows[60:] if row.customer == part.name]
        view = world.view(part.name)
        labels = np.array([view.index(row.labels[0][1]) for row in own])
        truth = tested.answers.truths[part.name]
        places = np.flatnonzero(truth >= 0)
        training, test = (
            Documents(texts=texts, encodings=np.empty((len(texts), 0)))
            for texts in ([row.text for row in own], [tested.documents.texts[place] for place in places])
        )
        accuracies = [
            np.mean(predict_from_own_data(one, training, labels, test, seed=0) == truth[places])
            for one in OWN_DATA
            if one.features != "encodings"
        ]
        assert part.own == pytest.approx(max(accuracies))
        assert part.n_own == len(own)
        assert part.learning[len(own)] == part.own
        low, high = part.gain
        assert (low + high) / 2 == pytest.approx(part.scores.accuracy - part.own)
    assert all(part.own is None for part in whole.views if part.is_level)


def test_own_data_is_tried_on_growing_parts_of_the_customers_documents_each_within_the_next(monkeypatch):
    seen = []

    def right(training, labels, test, truth, *, seed):
        seen.append(dict(zip(training.texts, labels, strict=True)))
        return np.arange(len(test.texts)) < len(labels)

    monkeypatch.setattr(reporting, "SIZES", (3, 6, 10, 1_000))
    monkeypatch.setattr(reporting, "best_of_own_data", right)
    hand, test = (Documents(texts=[str(at) for at in range(n)], encodings=np.empty((n, 0))) for n in (10, 20))
    labels = np.arange(10) % 4
    found = reporting._learning(hand, labels, test, np.zeros(20), seed=1)
    assert {size: answers.sum() for size, answers in found.items()} == {3: 3, 6: 6, 10: 10}
    assert [len(part) for part in seen] == [3, 6, 10]
    assert seen[0].items() < seen[1].items() < seen[2].items()
    assert all(labels[int(text)] == label for text, label in seen[2].items())


def test_mistakes_are_the_surest_wrong_answers_each_at_the_finest_view_that_is_known(tested, whole):
    answers = tested.answers
    fine = np.flatnonzero(answers.topic_truth >= 0)
    logs = answers.topics[fine]
    wrong = np.flatnonzero(logs.argmax(axis=1) != answers.topic_truth[fine])
    order = wrong[np.argsort(-logs[wrong].max(axis=1), kind="stable")][: reporting.N_MISTAKES]
    found = whole.mistakes["Level topic"]
    assert [one.text for one in found] == [tested.documents.texts[fine[place]] for place in order]
    for one, place in zip(found, order, strict=True):
        assert one.probability == pytest.approx(np.exp(logs[place].max()))
        assert one.of_truth == pytest.approx(np.exp(logs[place, answers.topic_truth[fine[place]]]))
    for title, mistakes in whole.mistakes.items():
        for one in mistakes:
            place = tested.documents.texts.index(one.text)
            assert (answers.topic_truth[place] >= 0) == (title == "Level topic")
            assert title == "Level topic" or title == f"Customer {tested.documents.rows[place].customer}"


def test_audits_are_the_estimators(classifier, tested, whole):
    assert [audit.customer for audit in whole.audits] == list(classifier.taxonomy_.customers)
    for audit in whole.audits:
        assert audit.n_documents == sum(row.customer == audit.customer for row in tested.documents.rows)


@pytest.mark.parametrize("name", CUSTOMERS.values())
def test_nothing_of_another_customer_stands_on_a_customers_page(classifier, tested, name):
    page = render(report_for(classifier, tested, customer=name))
    plotly = max(re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL), key=len)
    said = page.replace(plotly, "").casefold()
    assert f"secretof{name}".casefold() in said
    assert f"{name} ".casefold() in said
    for other in {*CUSTOMERS.values()} - {name}:
        assert other.casefold() not in said  # its name, each of its classes, and a word of each of its documents
    for word in ("atlas", "xanadu", "ypsilon"):  # the operator's name for the map, and its inner nodes
        assert word not in said


def test_a_document_that_may_be_anothers_is_on_nobodys_page(world, classifier, rows):
    shared = Row(text="whose is it", labels=(("Albion", "Albion ABC"), ("Borealis", "Borealis BC")))
    own = Row(text="mine alone", labels=(("Albion", "Albion ABC"),))
    tested = asked(classifier, [shared, own, *rows[:12]])
    texts = tested.of("Albion").documents.texts
    assert "mine alone" in texts
    assert "whose is it" not in texts
    assert "whose is it" not in tested.of("Borealis").documents.texts
    assert report_for(classifier, tested, customer="Albion").n_documents == len(texts)


def test_topics_outside_of_a_partial_customer_are_not_on_its_page(world, classifier, rows):
    partial = {"customer": "Dune", "partial": True, "classes": {"Dune AB": ["A", "B"], "Dune C": ["C"]}}
    after = classifier.scorer_
    grown = HierarchicalTextClassifier(world.with_customer(partial), encoder=None)
    grown.taxonomy_, grown.scorer_ = world.with_customer(partial), after
    own = [Row(text=f"a{number} c1", labels=(("Dune", "Dune AB"),)) for number in range(6)]
    contents = report_for(grown, asked(grown, [*own, *rows[:12]]), customer="Dune")
    assert {sector.name for sector in contents.sectors} == {"Dune AB", "Dune C", "A", "B", "C"}
    assert not re.search(r"'[DEF]'", " ".join(contents.teaching))


def test_a_report_without_training_documents_claims_nothing_of_own_data(classifier, rows):
    contents = report_on_all(classifier, asked(classifier, rows[:30]), about={})
    assert all(part.own is None and part.gain is None for part in contents.views)
    page = render(contents)
    assert "--training FILE" in page
    assert "own data alone" not in page.casefold().replace(" alone would", "")


def test_a_figure_is_the_same_bytes_every_time(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        figure = plot_probabilities({"A": 0.7, "B": 0.3}, title="t", subtitle="s")
        save_svg(figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
