"""Malformed taxonomies and customers, each with all the problems that a user must be told, and where.

The files are in ``tests/malformed``; a customer's file is added to the tiny world.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hiercls.errors import TaxonomyError
from hiercls.taxonomy import Taxonomy, tree

FOLDER = Path(__file__).parents[1] / "malformed"

TAXONOMY = {
    "about_unknown": [
        "6:23: at about.Sport: unknown node 'Sport'; one of 'X', 'A', 'B', 'C', 'Y', 'D', 'E', 'F'",
        "6:41: at about.B: expected a sentence, got a list",
    ],
    "alias_bomb": [
        "4:1: at d: aliases add more than 10,000 keys and values",
    ],
    "alias_of_itself": [
        "7:28: alias '*one' holds itself",
    ],
    "bracket_open": [
        "3:7: not YAML: expected ',' or ']', but got ':' (while parsing a flow sequence, line 2)"
        "; close the list with ']', or put a comma between its items",
    ],
    "circle": [
        "5:10: at topics.Y[1]: the hierarchy runs in a circle: X → Y → X",
    ],
    "circle_of_one": [
        "5:10: at topics.Y[1]: the hierarchy runs in a circle: Y → Y",
    ],
    "class_a_mapping": [
        "7:14: at customers.one.ABC: expected a topic or a list of topics, got a mapping",
    ],
    "class_empty": [
        "7:17: at customers.one.D: class 'D' is empty; name its topics, or take the class out",
        "7:24: at customers.one.EF: expected a topic or a list of topics, got nothing",
    ],
    "class_names_topic_twice": [
        "7:24: at customers.one.ABC[3]: 'A' stands twice in class 'ABC'; take one out",
    ],
    "class_unknown_topic": [
        "5:17: at customers.one.Sport[0]: unknown topic 'basebal'; did you mean 'baseball'?",
    ],
    "colon_in_name": [
        "5:10: not YAML: mapping values are not allowed here"
        "; indent like the line above, and quote a name that holds ': '",
    ],
    "comment_only": [
        "the file is empty",
    ],
    "control_character": [
        "4:11: character U+0007 is not allowed in YAML; take it out",
    ],
    "customer_a_list": [
        "7:8: at customers.one: expected a mapping of classes to topics, got a list",
    ],
    "costs_unknown_class": [
        "7:17: at customers.one.costs.A.C: unknown class 'C'; one of 'A', 'B'",
        "7:20: at customers.one.costs.A.C: expected a cost, 0 or more, got a number (.inf)",
        "7:29: at customers.one.costs.A.B: expected a cost, 0 or more, got a number (.nan)",
    ],
    "customer_empty": [
        "7:3: at customers.one: customer 'one' has no classes",
        "8:3: at customers.two: expected a mapping of classes to topics, got nothing",
    ],
    "customer_instead": [
        "1:1: at customer: this is a customer's file; add it to a taxonomy with 'with_customer'",
    ],
    "customer_with_colon": [
        "7:3: at customers.a:b: the name of a level or customer holds no ':', since labels are"
        " written view:name: 'a:b'",
    ],
    "customers_a_list": [
        "6:12: at customers: expected a mapping, got a list",
    ],
    "defined_twice": [
        "7:5: at topics.Q.X: 'X' is defined twice, first in line 5"
        "; write what stands below it in one place, and only its name in the other",
    ],
    "empty": [
        "the file is empty",
    ],
    "inner_node_a_string": [
        "4:6: at topics.X: expected a list or a mapping, got 'A'; write [A]",
    ],
    "inner_node_empty": [
        "5:3: at topics.Y: 'Y' has nothing below it; write 'Y:' for a topic by itself",
    ],
    "key_twice": [
        "6:3: at topics.X: key 'X' stands twice, first in line 4; join the two, or take one out",
    ],
    "latin_1": [
        "5:15: the file is not UTF-8: byte 0xdf; save it as UTF-8",
    ],
    "left_out": [
        "7:3: at customers.one: customer 'one' leaves out the topics 'E', 'F'"
        "; add to a class, write 'Other: rest', or set 'partial: true' (beside 'classes:')",
    ],
    "level_and_customer": [
        "7:3: at customers.topic: customer 'topic' has the name of a level"
        "; levels are 'area', 'topic': give one of them another name",
    ],
    "level_is_a_string": [
        "2:9: at levels: expected a list of names, got 'topic'; write [topic]",
    ],
    "level_too_few": [
        "2:9: at levels: expected 2 level names, one for every depth, got 1; the deepest path is X → A",
    ],
    "level_too_many": [
        "2:9: at levels: expected 2 level names, one for every depth, got 3; the deepest path is X → A",
    ],
    "level_twice": [
        "2:17: at levels[1]: level 'topic' stands twice; give each level a name of its own",
    ],
    "level_with_colon": [
        "2:10: at levels[0]: the name of a level or customer holds no ':', since labels are"
        " written view:name: 'area:of'",
    ],
    "list_in_list": [
        "5:10: at topics.Y[1]: expected a name or a mapping, got a list",
    ],
    "long_form_key": [
        "7:36: at customers.one.overlaping: unknown key 'overlaping'; did you mean 'overlapping'?",
    ],
    "many": [
        "2:9: at levels: expected 2 level names, one for every depth, got 1; the deepest path is X → A",
        "4:13: at topics.X[2]: 'A' stands twice under 'X', first in line 4; take one out",
        "5:10: at topics.Y[1]: 'yes' is read as a yes/no value; quote it: \"yes\"",
        "6:1: at foo: unknown key 'foo'"
        "; one of 'hiercls', 'name', 'levels', 'topics', 'multi_parent', 'about', 'customers'",
        "8:3: at customers.topic: customer 'topic' has the name of a level"
        "; levels are 'topic': give one of them another name",
        "8:19: at customers.topic.AB[1]: unknown topic 'Q'; one of 'X', 'A', 'B', 'Y', 'D', 'yes', 'rest'",
        "8:27: at customers.topic.A2: topic 'A' is in class 'AB' and in class 'A2'"
        "; take out one, or set 'overlapping: true' (beside 'classes:')",
    ],
    "merge_key": [
        "8:3: at customers.two: customer 'two' has no classes",
        "9:5: at customers.two.<<: '<<' is read as a merge of mappings; write the entries out",
    ],
    "multi_parent_no_list": [
        "5:15: at multi_parent: expected a list of names, got a number (5)",
    ],
    "multi_parent_unknown": [
        "6:16: at multi_parent[0]: unknown node 'Aa'; did you mean 'A'?",
        "6:20: at multi_parent[1]: 'B' does not stand under several parents; take it out of this list",
    ],
    "name_rest": [
        "3:16: at topics[2]: 'rest' is a reserved name; give the node another name",
    ],
    "name_reversed": [
        "3:13: at topics[1]: the name holds an invisible character that hides or reverses text (U+202E): 'B\\u202eC'",
    ],
    "name_with_spaces": [
        "3:13: at topics[1]: the name begins or ends with a space: 'B '",
        "3:19: at topics[2]: the name is empty: ''",
    ],
    "no_levels": [
        "1:1: at levels: expected the key 'levels'; name every depth below the root, such as 'levels: [area, topic]'",
    ],
    "not_a_mapping": [
        "1:1: expected a mapping with the keys 'hiercls', 'levels' and 'topics', got a list",
    ],
    "overlap": [
        "7:22: at customers.one.CD[0]: topic 'C' is in class 'ABC' and in class 'CD'"
        "; take out one, or set 'overlapping: true' (beside 'classes:')",
    ],
    "partial_a_string": [
        "7:37: at customers.one.partial: expected true or false, got 'yes'",
    ],
    "partial_at_top": [
        "7:8: at customers.one.classes: expected the key 'classes'; such as 'classes: {AB: [A, B], C: C}'",
        "7:9: at customers.one.ABC: unknown key 'ABC'; put the classes under 'classes:'",
    ],
    "python_tag": [
        "3:9: tag '!!python/object/apply:os.system' is not allowed; take it out",
    ],
    "quote_open": [
        "5:1: not YAML: found unexpected end of stream (while scanning a quoted scalar, line 2); close the quotes",
    ],
    "rest_of_nothing": [
        "7:32: at customers.one.Other: class 'Other' is empty: the other classes leave no topic for 'rest'",
    ],
    "rest_twice": [
        "7:36: at customers.one.More: 'rest' stands twice, in class 'Other' and in 'More'"
        "; only one class takes what is left",
    ],
    "tab_indent": [
        "4:1: not YAML: found character '\\t' that cannot start any token; indent with spaces, YAML takes no tabs",
    ],
    "too_deep": [
        "3:40: nested deeper than 32",
    ],
    "topic_twice": [
        "5:16: at topics.Y[3]: 'D' stands twice under 'Y', first in line 5; take one out",
    ],
    "topic_under_two": [
        "5:16: at topics.Y[3]: 'A' stands twice, first in line 4, under 'X' and under 'Y'"
        "; write 'multi_parent: [A]' if it belongs to both",
    ],
    "topics_a_number": [
        "3:9: at topics: expected a list or a mapping, got a number (3)",
    ],
    "topics_empty": [
        "3:1: at topics: expected topics, got none",
    ],
    "two_documents": [
        "6:1: expected one document, a second begins here; take out the line '---'",
    ],
    "uneven_paths": [
        "6:7: at topics.Q[0]: all paths to 'A' must be equally long, got Q → A and P → X → A"
        "; put a node between, or give one of them another name",
    ],
    "unknown_key": [
        "1:1: at topics: expected the key 'topics'; such as 'topics: {X: [A, B], Y: [C, D]}'",
        "3:1: at topcs: unknown key 'topcs'; did you mean 'topics'?",
        "6:1: at nmae: unknown key 'nmae'; did you mean 'name'?",
    ],
    "unquoted_in_class": [
        "5:9: at customers.one.off: 'off' is read as a yes/no value; quote it: \"off\"",
        "5:14: at customers.one.off: 'yes' is read as a yes/no value; quote it: \"yes\"",
        "5:27: at customers.one.Other[0]: '1' is read as a number; quote it: \"1\"",
        "6:12: at about.A: '3.5' is read as a number; quote it: \"3.5\"",
    ],
    "unquoted_words": [
        "4:3: at topics.yes: 'yes' is read as a yes/no value; quote it: \"yes\"",
        "4:9: at topics.yes[0]: 'no' is read as a yes/no value; quote it: \"no\"",
        "4:13: at topics.yes[1]: 'On' is read as a yes/no value; quote it: \"On\"",
        "4:17: at topics.yes[2]: '1' is read as a number; quote it: \"1\"",
        "5:3: at topics.2: '2' is read as a number; quote it: \"2\"",
        "5:7: at topics.2[0]: '1e3' is read as a number; quote it: \"1e3\"",
        "5:12: at topics.2[1]: '0o17' is read as a number; quote it: \"0o17\"",
        "5:18: at topics.2[2]: '1_000' is read as a number; quote it: \"1_000\"",
        '5:25: at topics.2[3]: expected a name or a mapping, got nothing (null); quote it: "null"',
        "5:31: at topics.2[4]: '2024-01-01' is read as a date; quote it: \"2024-01-01\"",
        '5:43: at topics.2[5]: expected a name or a mapping, got nothing (~); quote it: "~"',
    ],
    "utf_16": [
        "1:1: the file is not UTF-8: it is UTF-16; save it as UTF-8",
    ],
    "version_2": [
        "1:10: at hiercls: expected version 1 of the format, got a number (2)",
    ],
    "version_missing": [
        "1:1: at hiercls: expected the key 'hiercls'; begin the file with 'hiercls: 1'",
    ],
    "version_quoted": [
        "1:10: at hiercls: expected version 1 of the format, got '1'",
    ],
}

CUSTOMER = {
    "customer_classes_a_list": [
        "2:10: at classes: expected a mapping, got a list",
    ],
    "customer_costs": [
        "4:12: at costs.AB.CD: expected a cost, 0 or more, got a number (-1)",
        "4:20: at costs.AB.EF: expected a cost, 0 or more, got 'dear'",
        "4:26: at costs.AB.Ef: unknown class 'Ef'; did you mean 'EF'?",
        "4:33: at costs.AB.AB: 'AB' filed under 'AB' is right; take it out: what is filed rightly costs nothing",
        "5:7: at costs.CD: expected a cost, 0 or more, got a yes/no value (yes)",
        "6:7: at costs.EF: expected a cost, 0 or more, got a list",
        "7:3: at costs.GH: unknown class 'GH'; one of 'AB', 'CD', 'EF'",
    ],
    "customer_is_taxonomy": [
        "3:1: at topics: this is a taxonomy; expected a mapping with the keys 'customer' and 'classes'",
    ],
    "customer_named_as_level": [
        "1:11: at customer: 'topic' is the name of a level; give the customer another name",
    ],
    "customer_named_twice": [
        "1:11: at customer: there is a customer 'one' already"
        "; replace it with 'replace_customer', or give this one another name",
    ],
    "customer_no_classes": [
        "1:1: at classes: expected the key 'classes'; such as 'classes: {AB: [A, B], C: C}'",
        "2:1: at clases: unknown key 'clases'; did you mean 'classes'?",
    ],
    "customer_number": [
        "1:11: at customer: '7' is read as a number; quote it: \"7\"",
        "3:10: at partial: expected true or false, got a number (1)",
    ],
    "customer_unknown_topic": [
        "2:1: at classes: customer 'acme' leaves out the topic 'F'"
        "; add to a class, write 'Other: rest', or set 'partial: true' (beside 'classes:')",
        "4:17: at classes.Other[2]: unknown topic 'G'; one of 'X', 'A', 'B', 'C', 'Y', 'D', 'E', 'F', …",
    ],
}


def told(error: TaxonomyError, path: Path) -> list[str]:
    """The problems as they are shown, without the file's name, which stands before each of them."""
    shown = [str(problem) for problem in error.problems]
    assert all(line.startswith(f"{path}:") for line in shown)
    return [line.removeprefix(f"{path}:").strip() for line in shown]


@pytest.mark.parametrize("name", sorted(TAXONOMY))
def test_malformed_taxonomy(name):
    path = FOLDER / "taxonomy" / f"{name}.yaml"
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.from_yaml(path)
    assert told(caught.value, path) == TAXONOMY[name]
    assert str(path) in str(caught.value).splitlines()[0]


@pytest.mark.parametrize("name", sorted(CUSTOMER))
def test_malformed_customer(tiny, name):
    path = FOLDER / "customer" / f"{name}.yaml"
    with pytest.raises(TaxonomyError) as caught:
        tiny.with_customer(path)
    assert told(caught.value, path) == CUSTOMER[name]


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"hiercls": True}, "at hiercls: expected version 1 of the format, got a yes/no value (True)"),
        ({"name": None}, "at name: expected a name, got nothing"),
        ({"levels": [["t"]]}, "at levels[0]: expected a name, got a list"),
        ({"levels": [1]}, "at levels[0]: expected a string, got 1; pass '1'"),
        ({"topics": [{"X": 1}]}, "at topics[0].X: expected a list or a mapping, got a number (1)"),
        ({"topics": [{"X": b"A"}]}, "at topics[0].X: expected a list or a mapping, got bytes (b'A')"),
        ({"about": {"A": {}}}, "at about.A: expected a sentence, got a mapping"),
        ({"levels": 3.5}, "at levels: expected a list of names, got a number (3.5)"),
        ({"levels": "t"}, "at levels: expected a list of names, got 't'; write [t]"),
    ],
)
def test_data_of_a_wrong_kind_is_named_by_its_kind(part, problem):
    """Plain data has no lines, and numbers are no names in it as they are in YAML."""
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.from_dict({"hiercls": 1, "name": "n", "levels": ["t"], "topics": ["A", "B"], **part})
    assert problem in [str(found) for found in caught.value.problems]


def problems_of(topics):
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.from_yaml(f"hiercls: 1\nlevels: [area, topic]\ntopics:\n{topics}")
    return [str(problem).partition(";")[0] for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("topics", "problem"),
    [
        ("  X: [A]\n  A: [C]\n", "5:3: at topics.A: 'A' stands twice, first in line 4, under 'X' and at the top"),
        ("  X: [A]\n  Y:\n    A:\n", "6:5: at topics.Y.A: 'A' stands twice, first in line 4, under 'X' and under 'Y'"),
        (
            "  X: [A]\n  Y: [B]\n  Z: [A]\n",
            "6:7: at topics.Z[0]: 'A' stands twice, first in line 4, under 'X' and under 'Z'",
        ),
        (
            "  X: [A]\n  Y: [A, A]\nmulti_parent: [A]\n",
            "5:10: at topics.Y[1]: 'A' stands twice under 'Y', first in line 5",
        ),
        (
            "  X: [A]\n  Y:\n    - B\n    - A:\n    - B:\n",
            "8:7: at topics.Y[2].B: 'B' stands twice under 'Y', first in line 6",
        ),
        (
            "  X: [P]\n  Y: {P: [A]}\n  Z: {P: [B]}\nmulti_parent: [P]\n",
            "6:7: at topics.Z.P: 'P' is defined twice, first in line 5",
        ),
        ("  X: [A]\n  rest: [B]\n", "5:3: at topics.rest: 'rest' is a reserved name"),
    ],
)
def test_nodes_that_stand_twice_are_told_where(topics, problem):
    assert f"line:{problem}" in problems_of(topics)


def test_a_name_may_be_mentioned_before_and_after_it_is_defined_where_it_has_several_parents():
    text = "hiercls: 1\nlevels: [area, part, topic]\ntopics:\n  X: [P]\n  Y: {P: [A]}\n  Z: [P]\nmulti_parent: [P]\n"
    assert Taxonomy.from_yaml(text).hierarchy.parents["P"] == ("X", "Y", "Z")


def test_some_of_many_circles_are_told(monkeypatch):
    circles = "  A: [B]\n  B: [A]\n  C: [D]\n  D: [C]\n  E: [F]\n  F: [E]\n"
    told = [f"the hierarchy runs in a circle: {shown}" for shown in ("A → B → A", "C → D → C", "E → F → E")]
    for limit in (3, 2):
        monkeypatch.setattr(tree, "MAX_SHOWN", limit)
        assert [line.split(": ", 2)[2] for line in problems_of(circles)] == told[:limit]


@pytest.mark.parametrize(("limit", "short", "long"), [(4, "X → P → A", "Y → Q → R → A"), (2, "… → P → A", "… → R → A")])
def test_paths_that_are_not_equally_long_are_shown_from_their_ends(limit, short, long, monkeypatch):
    monkeypatch.setattr(tree, "MAX_SHOWN", limit)
    said = f"all paths to 'A' must be equally long, got {short} and {long}"
    topics = "  X: {P: [A]}\n  Y: {Q: {R: [A]}}\nmulti_parent: [A]\n"
    assert problems_of(topics) == [f"line:5:15: at topics.Y.Q.R[0]: {said}"]


def test_every_malformed_file_has_its_problems_here():
    for kind, expected in (("taxonomy", TAXONOMY), ("customer", CUSTOMER)):
        assert {path.stem for path in (FOLDER / kind).glob("*.yaml")} == expected.keys()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TaxonomyError, match="there is no such file"):
        Taxonomy.from_yaml(tmp_path / "none.yaml")
    with pytest.raises(TaxonomyError, match="expected a file, got a folder"):
        Taxonomy.from_yaml(tmp_path)
