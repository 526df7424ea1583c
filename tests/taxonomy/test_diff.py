"""What changed, in words."""

from __future__ import annotations

import pytest

from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.diff import differences


def one(tiny, **classes):
    return tiny.replace_customer({"customer": "one", "classes": classes})


def changed(tiny, **parts):
    return Taxonomy.from_dict({**tiny.to_dict(), **parts})


def test_nothing(tiny):
    assert differences(tiny, Taxonomy.from_yaml(tiny.to_yaml())) == ()


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ({"ABC": "AB", "D": "CD", "EF": "EF"}, ["'C' moved from 'ABC' to 'D'"]),
        ({"AB": "AB", "C": "C", "D": "D", "EF": "EF"}, ["class 'ABC' is split into 'AB', 'C'"]),
        ({"ABC": "A", "C": "BC", "D": "D", "EF": "EF"}, ["class 'ABC' is split into 'ABC', 'C'"]),
        ({"ABC": "ABC", "DEF": "DEF"}, ["classes 'D', 'EF' are merged into 'DEF'"]),
        ({"ABC": "ABCD", "EF": "EF"}, ["class 'D' is merged into 'ABC'"]),
        ({"ABC": "ABC", "d": "D", "EF": "EF"}, ["class 'D' is now called 'd'"]),
        ({"D": "D", "ABC": "ABC", "EF": "EF"}, ["the classes stand in another order"]),
        (
            {"ABC": "D", "D": "ABC", "EF": "EF"},
            ["'A', 'B', 'C' moved from 'ABC' to 'D'", "'D' moved from 'D' to 'ABC'"],
        ),
        (
            {"ABD": "ABD", "CE": "CE", "F": "F"},
            [
                "classes removed: 'ABC', 'D', 'EF'",
                "classes added: 'ABD', 'CE', 'F'",
                "'A', 'B' moved from 'ABC' to 'ABD'",
                "'C' moved from 'ABC' to 'CE'",
                "'D' moved from 'D' to 'ABD'",
                "'E' moved from 'EF' to 'CE'",
                "'F' moved from 'EF' to 'F'",
            ],
        ),
    ],
)
def test_a_regrouped_customer(tiny, classes, words):
    new = one(tiny, **{name: list(topics) for name, topics in classes.items()})
    assert differences(tiny, new) == tuple(f"customer one: {sentence}" for sentence in words)


def test_flags(tiny):
    source = "customer: one\nclasses: {ABC: X, D: D, EF: [E, F, D]}\noverlapping: true\n"
    assert differences(tiny, tiny.replace_customer(source)) == (
        "customer one: overlapping is now true",
        "customer one: 'D' moved from 'D' to 'D' and 'EF'",
    )
    source = "customer: one\nclasses: {ABC: X, EF: [E, F]}\npartial: true\n"
    assert differences(tiny, tiny.replace_customer(source)) == (
        "customer one: partial is now true",
        "customer one: class removed: 'D'",
        "customer one: 'D' moved from 'D' to no class",
    )
    assert differences(tiny.replace_customer(source), tiny) == (
        "customer one: partial is now false",
        "customer one: class added: 'D'",
        "customer one: 'D' moved from no class to 'D'",
    )
    wider = tiny.replace_customer("customer: one\nclasses: {X: X}\npartial: true\n")
    assert differences(tiny.replace_customer(source), wider)[:2] == (
        "customer one: class 'ABC' is now called 'X'",
        "customer one: class removed: 'EF'",
    )


def test_customers(tiny):
    assert differences(tiny, tiny.without_customer("two")) == ("customer removed: 'two'",)
    assert differences(tiny.without_customer("two"), tiny) == ("customer added: 'two'",)
    assert differences(tiny, tiny.renamed({"two": "zwei"})) == ("customer 'two' is now called 'zwei'",)
    fewer = tiny.without_customer("two").without_customer("three")
    assert differences(tiny, fewer) == ("customers removed: 'two', 'three'",)
    assert differences(fewer, tiny) == ("customers added: 'two', 'three'",)
    zwei = {"customer": "zwei", "classes": tiny.to_dict()["customers"]["two"], "overlapping": True}
    assert differences(tiny, tiny.without_customer("two").with_customer(zwei)) == (
        "customer 'two' is now called 'zwei'",
        "customer zwei: overlapping is now true",
    )


def test_topics_and_nodes(tiny):
    base = tiny.without_customer("one").without_customer("two").without_customer("three")
    assert differences(base, changed(base, topics={"X": ["A", "B"], "Y": ["C", "D", "E", "F"]})) == (
        "'C' moved from under 'X' to under 'Y'",
    )
    assert differences(base, changed(base, topics={"X": ["A", "B", "C"], "Y": ["D", "E"], "Z": ["G", "H"]})) == (
        "topic removed: 'F'",
        "topics added: 'G', 'H'",
        "inner node added: 'Z'",
    )
    assert differences(base, changed(base, topics={"X": ["A", "B", "C"], "Y": None})) == (
        "topics removed: 'D', 'E', 'F'",
        "'Y' was an inner node and is now a topic",
    )
    assert differences(base, changed(base, topics={"X": ["A", "B", "C"], "Y": ["D", "E"], "F": None})) == (
        "'F' moved from under 'Y' to the top",
    )
    assert differences(base, base.renamed({"X": "Left"})) == ("inner node 'X' is now called 'Left'",)
    wider = changed(base, topics={"X": ["A", "B", "C"], "Y": ["D", "E", "F"], "Z": ["G"], "W": ["H"]})
    assert differences(base, wider) == ("topics added: 'G', 'H'", "inner nodes added: 'Z', 'W'")
    both = changed(base, topics={"X": ["A", "B", "C"], "Y": ["C", "D", "E", "F"]}, multi_parent=["C"])
    assert differences(base, both) == ("'C' moved from under 'X' to under 'X' and 'Y'",)


def test_new_topics_are_told_in_their_classes(tiny):
    topics = {"X": ["A", "B", "C"], "Y": ["D", "E", "F", "G"]}
    customers = {"one": {"ABC": "X", "D": "D", "EF": ["E", "F", "G"]}}
    small = changed(tiny, customers={"one": {"ABC": "X", "D": "D", "EF": ["E", "F"]}})
    assert differences(small, changed(tiny, topics=topics, customers=customers)) == (
        "topic added: 'G'",
        "customer one: new in 'EF': 'G'",
    )


def test_names_levels_and_sentences(tiny):
    new = changed(tiny, name="small", levels=["field", "topic"], about={"A": "first"})
    assert differences(tiny, new) == (
        "the taxonomy 'tiny' is now called 'small'",
        "level 'area' is now called 'field'",
        "the sentence on 'A' is added",
    )
    assert differences(new, changed(new, about={"A": "1st"}))[0] == "the sentence on 'A' is changed"
    assert differences(new, changed(new, about={})) == ("the sentence on 'A' is taken out",)
    flat = Taxonomy.from_dict({"hiercls": 1, "name": "tiny", "levels": ["topic"], "topics": list("ABCDEF")})
    assert differences(tiny, flat)[0] == "the levels were 'area', 'topic' and are now 'topic'"


def test_a_change_of_order_alone_is_told(tiny):
    new = changed(tiny, topics={"Y": ["D", "E", "F"], "X": ["A", "B", "C"]})
    assert differences(tiny, new) == (
        "only the order of nodes, customers or classes changed, or how costs are written",
    )
