"""Reading: text, file or mapping; places; and bounds that no input passes."""

from __future__ import annotations

import time

import pytest
import yaml

from hiercls.errors import InputTypeError
from hiercls.taxonomy import reading
from hiercls.taxonomy.document import Mark
from hiercls.taxonomy.reading import read_document


def messages(source):
    return [str(problem) for problem in read_document(source).sorted_problems()]


def test_text_path_and_mapping_give_the_same_data(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: [b, c]\n")
    for source in ("a: [b, c]", "a:\n- b\n- c", path, str(path), {"a": ("b", "c")}):
        assert read_document(source).data == {"a": ["b", "c"]}


def test_every_key_and_value_has_its_place():
    document = read_document("a:\n  - b\n  - {c: d}\n")
    assert document.marks[("a", 1, "c")] == Mark(line=3, column=9, text="d")
    assert document.key_marks[("a", 1, "c")].column == 6
    assert document.marks[("a",)].text is None


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: b\n")
    for source in (path, "\ufeffa: b"):
        document = read_document(source)
        assert document.data == {"a": "b"}
        assert (document.key_marks[("a",)].column, document.marks[("a",)].column) == (1, 4)


def test_an_alias_stands_for_its_anchor():
    document = read_document("a: &x [b]\nc: *x\n")
    assert document.data == {"a": ["b"], "c": ["b"]}
    assert not document.problems


def test_only_the_pure_safe_loader_is_used():
    assert issubclass(reading._BoundedLoader, yaml.SafeLoader)
    assert not issubclass(reading._BoundedLoader, yaml.CSafeLoader if yaml.__with_libyaml__ else ())


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!mine", "!", "!!set", "!!binary", "!!timestamp"])
def test_tags_are_refused(tag):
    assert messages(f"a: {tag} b\n") == [f"line:1:4: tag '{tag}' is not allowed; take it out"]


def test_the_string_tag_quotes():
    assert read_document("a: !!str yes\n").data == {"a": "yes"}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "\n",
        "{a: " * 100_000 + "\n",
        "- " * 100_000 + "\n",
        "? " * 100_000 + "\n",
        "\n".join(" " * depth + "a:" for depth in range(2_000)),
    ],
)
def test_deep_nesting_is_a_problem_and_no_crash(text):
    start = time.perf_counter()
    assert "nested deeper than 32" in messages(text)[0]
    assert time.perf_counter() - start < 10


def test_size_is_bounded(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (reading.MAX_BYTES + 1))
    assert messages(path) == [f"{path}: more than 4,194,304 bytes of YAML"]
    assert "more than 4,194,304 bytes" in messages("a: " + "x" * reading.MAX_BYTES)[0]


def test_the_bound_is_one_of_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    path = tmp_path / "a.yaml"
    for text, problems in (("a: bcdefg\n", 0), ("a: bcdefgh\n", 1), ("a: ééé\n", 0), ("a: éééé\n", 1)):
        path.write_bytes(text.encode())
        assert len(messages(path)) == len(messages(text)) == problems


def test_a_file_that_cannot_be_read_is_a_problem_of_its(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.yaml"
    path.write_text("a: b\n")
    monkeypatch.setattr(reading, "open", refuse, raising=False)
    assert messages(path) == [f"{path}: cannot read: Permission denied"]


def test_a_document_knows_its_file(tmp_path):
    path = tmp_path / "a.yaml"
    for text in ("a: b\na: c\n", long_text(ending="a: b\na: c\n")):
        path.write_text(text, encoding="utf-8")
        document = read_document(path)
        assert document.file == str(path)
        assert {problem.file for problem in document.problems} == {str(path)}


def test_nodes_and_aliases_are_bounded(monkeypatch):
    monkeypatch.setattr(reading, "MAX_NODES", 100)
    assert "more than 100 keys and values" in messages(f"a: [{'b, ' * 100}]\n")[0]
    monkeypatch.setattr(reading, "MAX_ALIASES", 10)
    assert "more than 10 aliases" in messages(f"a: &x b\nc: [{'*x, ' * 11}]\n")[0]


def test_keys_are_names():
    text = "? [a]\n: b\n?\n: c\n? {d: e}\n: f\n"
    assert [line.split(": ", 1)[1] for line in messages(text)] == [
        "expected a name as a key, got a list or a mapping",
        "expected a name before ':', got nothing",
        "expected a name as a key, got a list or a mapping",
    ]


def test_not_more_than_twenty_forbidden_characters_are_told():
    assert len(messages("a: " + "\x00" * 100 + "\n")) == 20


def test_a_huge_number_is_no_crash():
    assert read_document(f"a: {'9' * 10_000}\n").problems == []


def test_a_mapping_that_holds_itself_is_a_problem():
    data: dict[str, object] = {}
    data["a"] = data
    assert messages(data) == ["at a.a.a: nested deeper than 32"]


def test_keys_of_a_mapping_are_strings():
    assert messages({"a": {1: "b"}}) == ["at a.1: expected a string as a name, got 1"]


def test_all_characters_that_yaml_forbids_are_told():
    assert [line.split(":")[1] for line in messages("a: \x00b\nc: \x07\n")] == ["1", "2"]


@pytest.mark.parametrize("source", [None, [1], b"hiercls: 1"])
def test_what_is_no_source_is_refused_by_its_type(source):
    with pytest.raises(InputTypeError, match=f"a path, a YAML text or a mapping, got a {type(source).__name__}$"):
        read_document(source)


def test_a_folder_is_no_file(tmp_path):
    (problem,) = read_document(tmp_path).problems
    assert str(problem) == f"{tmp_path}: expected a file, got a folder; name a file in it"


def long_text(*, ending: str = "") -> str:
    """More than ``QUICK_FROM`` characters of all that names and values may look like."""
    rows = [f'  "é{n}": [t{n}, "x: {n}", 😀{n}{f", &a{n} n, *a{n}" * (n < 50)}]\n' for n in range(2_000)]
    other = "about: {t0: a text\n    of lines, t1: 1e3, t2: 0o7, t3: yes, t4: null, t5: 2026-01-31, t6: =}\n"
    blocks = "".join(f"  - b{n}\n  -   deep: >-\n       folded\n       text\n" for n in range(500))
    return f"hiercls: 1\n# a comment\ntopics:\n{''.join(rows)}{other}list:\n{blocks}{ending}"


def test_long_texts_are_read_alike_by_both_scanners(monkeypatch):
    text = long_text()
    assert reading._is_quick(text), "PyYAML has libyaml in its wheels"
    quick = read_document(text)
    monkeypatch.setattr(reading, "_QuickLoader", None)
    slow = read_document(text)
    assert quick.problems == slow.problems == []
    assert repr(quick.data) == repr(slow.data)
    assert list(quick.marks.items()) == list(slow.marks.items())
    assert list(quick.key_marks.items()) == list(slow.key_marks.items())


@pytest.mark.parametrize(
    "ending",
    [
        "x: [1\n",
        "x: !!python/object:os.system a\n",
        "list: twice\n",
        "x: *b\n",
        f"x: {'[' * 60_000}",
        "\tx: 1\n",
        "---\n",
    ],
    ids=["syntax", "tag", "key twice", "alias", "nested", "tab", "second document"],
)
def test_what_is_wrong_in_a_long_text_is_worded_the_same(ending, monkeypatch):
    text = long_text(ending=ending)
    quick = read_document(text).problems
    monkeypatch.setattr(reading, "_QuickLoader", None)
    assert quick == read_document(text).problems != []


def test_short_texts_and_tabs_are_left_to_the_slow_scanner():
    assert not reading._is_quick("a: b")
    assert not reading._is_quick("\t" + "a" * reading.QUICK_FROM)


@pytest.mark.parametrize(
    "ending", ["x: [1\n", "\tx: 1: 2\n", f"x: [{'y, ' * 9_000}]\n"], ids=["syntax", "tab", "nodes"]
)
def test_a_very_long_text_is_not_read_again_for_better_words(ending, monkeypatch):
    monkeypatch.setattr(reading, "_BoundedLoader", None)
    monkeypatch.setattr(reading, "MAX_NODES", 20_000)
    text = long_text(ending=ending) + "#" * reading.SLOW_TO
    (problem,) = read_document(text).problems
    assert problem.line is not None


def test_aliases_that_add_little_are_written_out():
    items = ", ".join("x" * 50)
    text = f"a: &a [{items}]\n" + "".join(f"b{n}: *a\n" for n in range(100))
    assert read_document(text).problems == []
    wide = ", ".join("x" * 120)
    (problem,) = read_document(f"a: &a [{wide}]\n" + "".join(f"b{n}: *a\n" for n in range(100))).problems
    assert "aliases add more than 10,000" in problem.message
