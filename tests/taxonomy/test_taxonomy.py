"""The taxonomy: what it says of the tiny world, and the new ones it makes."""

from __future__ import annotations

import ast
import contextlib
import copy
import pickle
import subprocess
import sys
import time
from pathlib import Path

import networkx
import pytest

import hiercls.taxonomy
from hiercls.errors import ConfigError, TaxonomyError
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.taxonomy.writing import to_yaml


def test_the_tiny_world(tiny):
    assert tiny.name == "tiny"
    assert tiny.levels == ("area", "topic")
    assert tiny.topics == tuple("ABCDEF")
    assert tiny.customers == ("one", "two", "three")
    assert tiny.views == ("area", "topic", "one", "two", "three")
    assert dict(tiny.graph.nodes("kind"))["X"] == "inner"
    assert dict(tiny.graph.nodes("kind"))["A"] == "topic"
    assert set(tiny.graph.edges) == {("X", t) for t in "ABC"} | {("Y", t) for t in "DEF"}
    assert set(tiny.customer_graph("one").edges) == {(c, t) for c in ("ABC", "D", "EF") for t in c}
    assert repr(tiny) == "<Taxonomy 'tiny': 6 topics, 2 levels, 3 customers>"


def test_every_view_of_the_tiny_world_against_its_class_names(tiny):
    for name in tiny.customers:
        view = tiny.view(name)
        slow = [[float(topic in class_name) for class_name in view.classes] for topic in tiny.topics]
        assert view.membership.toarray().tolist() == slow
        assert tiny.view(name) is view


def test_the_graph_cannot_be_changed(tiny):
    with pytest.raises(networkx.NetworkXError, match="Frozen"):
        tiny.graph.add_edge("X", "D")


def test_unknown_names_are_told_with_the_nearest(tiny):
    with pytest.raises(ConfigError, match="unknown level or customer 'tow'; did you mean 'two'"):
        tiny.view("tow")
    with pytest.raises(ConfigError, match="unknown customer 'topic'"):
        tiny.customer_graph("topic")
    with pytest.raises(ConfigError, match="unknown level 'one'"):
        tiny.level_links("one")
    with pytest.raises(ConfigError, match="'area' is the first"):
        tiny.level_links("area")


def test_a_class_may_name_inner_nodes_and_take_the_rest(tiny):
    new = tiny.with_customer({"customer": "acme", "classes": {"Left": ["X", "D"], "Other": "rest"}})
    assert new.customers == ("one", "two", "three", "acme")
    assert new.view("acme").topics_of("Left") == tuple("ABCD")
    assert new.view("acme").topics_of("Other") == ("E", "F")
    assert tiny.customers == ("one", "two", "three")


def test_partial_and_overlapping_customers(tiny):
    source = "customer: p\nclasses: {AB: [A, B], C: C}\npartial: true\n"
    assert tiny.with_customer(source).view("p").kind == "partial"
    source = "hiercls: 1\ncustomer: o\nclasses: {X: X, All: [X, Y]}\noverlapping: true\n"
    new = tiny.with_customer(source)
    assert new.view("o").kind == "overlapping"
    assert new.flags("o") == {"partial": False, "overlapping": True}


def test_what_a_customer_does_not_say_it_is_not(tiny):
    classes = {"AB": ["A", "B"], "C": "C"}
    partial = tiny.with_customer({"customer": "four", "classes": classes, "partial": True})
    assert partial.flags("four") == {"partial": True, "overlapping": False}
    with pytest.raises(TaxonomyError, match="topics 'A', 'B' are in class 'AB' and in class 'BA'"):
        tiny.with_customer({"customer": "four", "classes": {**classes, "BA": ["A", "B"]}, "partial": True})
    with pytest.raises(TaxonomyError, match="leaves out the topics 'D', 'E', 'F'"):
        tiny.with_customer({"customer": "four", "classes": classes, "overlapping": True})
    with pytest.raises(TaxonomyError, match="topic 'A' is in class 'ABC' and in class 'overlapping'"):
        tiny.with_customer({"customer": "four", "classes": {"ABC": "X", "DEF": "Y", "overlapping": "A"}})


def test_classes_may_be_called_like_the_keys_of_the_long_form():
    text = "hiercls: 1\nlevels: [t]\ntopics: [A, B, C]\ncustomers:\n  c: {classes: [A], partial: B, overlapping: [C]}\n"
    taxonomy = Taxonomy.from_yaml(text)
    assert taxonomy.view("c").classes == ("classes", "partial", "overlapping")
    assert Taxonomy.from_yaml(taxonomy.to_yaml()) == taxonomy
    long = Taxonomy.from_yaml(
        text.replace("[A], partial: B", "{partial: B, classes: A}, partial: true").replace("[C]", "false")
    )
    assert long.view("c").classes == ("partial", "classes")


def test_replace_keeps_the_position_and_without_takes_out(tiny):
    new = tiny.replace_customer({"customer": "two", "classes": {"All": ["X", "Y"]}})
    assert new.customers == tiny.customers
    assert new.view("two").classes == ("All",)
    assert tiny.without_customer("two").customers == ("one", "three")
    with pytest.raises(ConfigError, match="unknown customer 'acme'"):
        tiny.replace_customer({"customer": "acme", "classes": {"All": ["X", "Y"]}})
    with pytest.raises(ConfigError, match="unknown customer 'acme'"):
        tiny.without_customer("acme")


def test_renamed(tiny):
    new = tiny.renamed({"A": "Alpha", "X": "Left", "area": "field", "two": "zwei", "two:BC": "Beta", "one:D": "A"})
    assert new.view("field").classes == ("Left", "Y")
    assert new.view("zwei").topics_of("A") == ("Alpha",)
    assert new.view("zwei").classes == ("A", "Beta", "DE", "F")
    assert new.view("one").topics_of("A") == ("D",)
    back = {"Alpha": "A", "Left": "X", "field": "area", "zwei": "two", "zwei:Beta": "BC", "one:A": "D"}
    assert new.renamed(back) == tiny
    assert tiny.renamed({"A": "B", "B": "A"}).topics[:2] == ("B", "A")
    topics = {"X": ["A", "B"], "Y": ["A", "B", "C"]}
    shared = {"hiercls": 1, "levels": ["area", "topic"], "topics": topics, "multi_parent": ["A", "B"]}
    some = Taxonomy.from_dict({**shared, "about": {"A": "first", "Y": "last"}}).renamed({"A": "Alpha"})
    assert some.to_dict()["multi_parent"] == ["Alpha", "B"]
    assert some.about == {"Alpha": "first", "Y": "last"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"Q": "R"}, "cannot rename 'Q'"),
        ({"one:Q": "R"}, "cannot rename 'one:Q'.*one of 'ABC', 'D', 'EF'"),
        ({"A": "B"}, "two nodes would be named 'B': 'A' and 'B'"),
        ({"one": "two"}, "two customers would be named 'two'"),
        ({"one:ABC": "D"}, "two classes of 'one' would be named 'D'"),
    ],
)
def test_renamed_refuses(tiny, names, message):
    with pytest.raises(ConfigError, match=message):
        tiny.renamed(names)


def test_renamed_refuses_what_is_not_legal(tiny):
    with pytest.raises(TaxonomyError, match="has the name of a level"):
        tiny.renamed({"one": "area"})
    with pytest.raises(ConfigError, match="'topic' is a node and a level"):
        tiny.renamed({"A": "topic"}).renamed({"topic": "x"})


def test_classes_of_the_long_form_are_renamed(tiny):
    new = tiny.with_customer({"customer": "p", "classes": {"AB": ["A", "B"]}, "partial": True})
    assert new.renamed({"p:AB": "ab"}).view("p").classes == ("ab",)


def test_long_lists_and_sentences_are_written_in_lines_that_read_back(tiny):
    topics = [f"a topic with a rather long name {number}" for number in range(10)]
    data = {"hiercls": 1, "levels": ["t"], "topics": topics, "about": {topics[0]: 'said: "' + "word " * 50 + '"\n'}}
    taxonomy = Taxonomy.from_dict({**data, "customers": {"c": {"All": topics}}})
    assert Taxonomy.from_yaml(taxonomy.to_yaml()) == taxonomy
    assert f"    All:\n      - {topics[0]}\n" in taxonomy.to_yaml()


def test_the_rest_of_the_topics_stays_the_rest_under_new_names(tiny):
    added = tiny.with_customer({"customer": "four", "classes": {"AB": ["A", "B"], "else": "rest"}})
    renamed = added.renamed({"A": "Alpha"})
    assert renamed.to_dict()["customers"]["four"] == {"AB": ["Alpha", "B"], "else": "rest"}
    assert renamed.view("four").topics_of("else") == ("C", "D", "E", "F")


@pytest.mark.parametrize(("n_letters", "written"), [(100, "levels: [{0}]"), (101, "levels:\n  - {0}")])
def test_lines_of_110_characters_at_most_hold_a_list(n_letters, written):
    name = "a" * n_letters
    line = written.format(name)
    assert to_yaml({"levels": [name]}).splitlines()[1:] == line.splitlines()


def test_comments_scalars_and_empty_mappings_as_yaml():
    text = to_yaml({"partial": True, "overlapping": False, "costs": {}, "name": None}, comment="One.\n\n  Two.")
    head = ["# One.", "#", "#   Two."]
    assert text.splitlines()[1:] == [*head, "partial: true", "overlapping: false", "costs: {}", "name:"]


def test_copies_and_pickles(tiny):
    tiny.view("one")
    assert copy.deepcopy(tiny) is tiny
    assert copy.copy(tiny) is tiny
    again = pickle.loads(pickle.dumps(tiny))
    assert again == tiny
    assert hash(again) == hash(tiny)
    assert again.view("one") == tiny.view("one")


def test_equality_sees_every_part(tiny):
    changed = [
        tiny.without_customer("three"),
        tiny.renamed({"A": "a"}),
        tiny.renamed({"area": "a"}),
        tiny.renamed({"one:D": "d"}),
        tiny.replace_customer({"customer": "one", "classes": {"D": "D", "ABC": "X", "EF": "rest"}}),
        tiny.replace_customer({"customer": "one", "classes": {"ABC": "X", "D": "D", "EF": "rest"}, "partial": True}),
        Taxonomy.from_dict({**tiny.to_dict(), "name": "small"}),
        Taxonomy.from_dict({**tiny.to_dict(), "about": {"A": "first"}}),
        Taxonomy.from_dict({**tiny.to_dict(), "topics": {"Y": ["D", "E", "F"], "X": ["A", "B", "C"]}}),
    ]
    assert all(other != tiny for other in changed)
    assert tiny != "tiny"
    assert tiny == tiny.replace_customer({"customer": "one", "classes": {"ABC": "X", "D": "D", "EF": "rest"}})


def test_the_twenty_newsgroups():
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    assert [len(taxonomy.view(level).classes) for level in taxonomy.levels] == [5, 8, 20]
    assert taxonomy.customers == ("isp", "publisher", "marketplace", "agency", "newcomer")
    assert set(taxonomy.about) == set(taxonomy.graph)
    assert {taxonomy.view(name).kind for name in taxonomy.views} == {"partition"}


def test_shipped_names_the_nearest():
    with pytest.raises(ConfigError, match="no taxonomy 'tinny' comes with hiercls; did you mean 'tiny'"):
        shipped("tinny")


def test_a_hundred_thousand_topics():
    n_topics = 100_000
    topics = [f"t{number}" for number in range(n_topics)]
    coarse = {f"c{number}": topics[number::400] for number in range(400)}
    data = {
        "hiercls": 1,
        "levels": ["topic"],
        "topics": topics,
        "customers": {"a": coarse, "b": {"t": "t0", "r": "rest"}},
    }
    start = time.perf_counter()
    taxonomy = Taxonomy.from_dict(data)
    assert [len(taxonomy.view(name).classes) for name in taxonomy.views] == [n_topics, 400, 2]
    assert sum(len(taxonomy.view("topic").topics_of(topic)) for topic in topics) == n_topics
    assert taxonomy.identifiability(["topic"]).is_determined
    assert taxonomy.identifiability().rank == 401
    assert time.perf_counter() - start < 60


def _topics(n_topics):
    return ", ".join(f"t{number}" for number in range(n_topics))


@pytest.mark.parametrize(
    "written",
    [
        lambda n: f"topics: [{_topics(n)}]\n",
        lambda n: f"topics: {{{_topics(n).replace(',', ': ,')}: }}\n",
        lambda n: f"topics: [{_topics(n)}]\ncustomers:\n  c: {{a: [{_topics(n)}], b: [{_topics(n)}]}}\n",
        lambda n: f"topics: [{_topics(n)}, {_topics(n)}]\n",
        lambda n: (
            f"topics: [{_topics(n)}]\ncustomers:\n  c: {{{_topics(n).replace('t', 'k').replace(',', ': Q,')}: Q}}\n"
        ),
    ],
    ids=["a list", "a mapping", "customers", "all topics twice", "unknown topics"],
)
def test_reading_takes_time_in_proportion_to_the_file(written):
    """In processor time, the best of two: four times as much takes about four times as long, and sixteen if squared."""

    def seconds(n_topics):
        text = f"hiercls: 1\nlevels: [topic]\n{written(n_topics)}"
        found = []
        for _ in range(2):
            start = time.process_time()
            with contextlib.suppress(TaxonomyError):
                Taxonomy.from_yaml(text)
            found.append(time.process_time() - start)
        return min(found)

    assert seconds(8000) < 9 * seconds(2000)


def test_type_checkers_see_the_names_that_load_later():
    source = ast.parse(Path(hiercls.taxonomy.__file__).read_text())
    (block,) = [node for node in source.body if isinstance(node, ast.If)]
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == hiercls.taxonomy._HOMES
    for name in hiercls.taxonomy.__all__:
        assert getattr(hiercls.taxonomy, name).__name__ == name
    with pytest.raises(AttributeError, match="'Veiw'; it has Taxonomy"):
        hiercls.taxonomy.Veiw  # noqa: B018


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["schema"], ["check", "none.yaml"]])
def test_what_needs_no_matrices_waits_for_none(arguments):
    loaded = "sorted({'numpy', 'scipy', 'hiercls.data'} & set(sys.modules))"
    code = f"import sys\nfrom hiercls.cli import main\ntry:\n    main()\nfinally:\n    print({loaded}, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert result.stderr.splitlines()[-1] == "[]"


def test_importing_is_light():
    heavy = "{'torch', 'sklearn', 'transformers', 'networkx', 'pandas', 'matplotlib'}"
    code = (
        f"import sys, hiercls.taxonomy; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
