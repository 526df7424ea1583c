"""One name in two Unicode spellings, é as one character or as e and an accent, is one name wherever it stands."""

from __future__ import annotations

import unicodedata

import pytest

from hiercls.data.reading import read
from hiercls.data.rows import Row, make_rows
from hiercls.errors import ConfigError, TaxonomyError
from hiercls.taxonomy import Taxonomy, View, resolve
from hiercls.taxonomy.draft import draft_from_table

ONE = "Café"
TWO = unicodedata.normalize("NFD", ONE)
YAML = f"""
hiercls: 1
levels: [Übersicht, topic]
topics: {{Äpfel: [{TWO}, B], Y: [C]}}
about: {{{ONE}: a place}}
customers:
  Zoë: {{Größe: [{ONE}], Rest: rest}}
"""


@pytest.fixture(params=["NFC", "NFD"])
def spelled(request):
    """How a name is spelt: all at once, whatever the file's mixture was."""
    return lambda text: unicodedata.normalize(request.param, text)


def test_the_two_spellings_differ():
    assert ONE != TWO


def test_a_taxonomy_is_the_same_in_any_spelling(spelled):
    taxonomy = Taxonomy.from_yaml(spelled(YAML))
    assert taxonomy == Taxonomy.from_yaml(YAML)
    assert taxonomy.topics == (ONE, "B", "C")
    assert taxonomy.about == {ONE: "a place"}
    assert taxonomy == Taxonomy.from_dict(taxonomy.to_dict()) == Taxonomy.from_yaml(taxonomy.to_yaml())


def test_two_spellings_of_a_topic_or_key_stand_twice():
    for topics in (f"[{ONE}, {TWO}]", f"{{{ONE}: [A], {TWO}: [B]}}"):
        levels = "[topic]" if topics[0] == "[" else "[area, topic]"
        with pytest.raises(TaxonomyError, match="stands twice"):
            Taxonomy.from_yaml(f"{{hiercls: 1, levels: {levels}, topics: {topics}}}")
    with pytest.raises(TaxonomyError, match=f"key '{ONE}' stands twice"):
        Taxonomy.from_dict({"hiercls": 1, "levels": ["area", "topic"], "topics": {ONE: ["A"], TWO: ["B"]}})


def test_views_and_classes_are_found_in_any_spelling(spelled):
    taxonomy = Taxonomy.from_yaml(YAML)
    view = taxonomy.view(spelled("Zoë"))
    assert view is taxonomy.view("Zoë")
    assert view.has(spelled("Größe"))
    assert view.index(spelled("Größe")) == 0
    assert view.topics_of(spelled("Größe")) == (ONE,)
    assert taxonomy.flags(spelled("Zoë")) == {"partial": False, "overlapping": False}
    assert taxonomy.without_customer(spelled("Zoë")).customers == ()
    assert taxonomy.renamed({spelled(ONE): spelled("Tür")}).topics == ("Tür", "B", "C")
    with pytest.raises(ConfigError, match="is the first"):
        taxonomy.level_links(spelled("Übersicht"))


def test_a_customer_may_be_in_any_spelling(spelled):
    taxonomy = Taxonomy.from_yaml(YAML)
    more = taxonomy.with_customer(spelled(f"{{customer: Ümit, classes: {{Ç: {ONE}, Rest: rest}}}}"))
    assert more.view("Ümit").topics_of("Ç") == (ONE,)
    with pytest.raises(TaxonomyError, match="already"):
        taxonomy.with_customer(spelled("{customer: Zoë, classes: {All: rest}}"))
    again = taxonomy.replace_customer(spelled("{customer: Zoë, classes: {All: rest}}"))
    assert again.view("Zoë").classes == ("All",)


def test_labels_of_documents_match_in_any_spelling(spelled, tmp_path):
    taxonomy = Taxonomy.from_yaml(YAML)
    (tmp_path / "a.csv").write_text(spelled(f"text,label,view,customer\na,{ONE},,Zoë\nb,Größe,Zoë,Zoë\n"))
    rows = [
        *read(tmp_path / "a.csv").rows,
        *make_rows(["c"], [[spelled(f"topic:{ONE}"), spelled("Zoë:Größe")]], customers=spelled("Zoë")),
        Row(text="d", labels=((None, ONE), (None, TWO)), customer=spelled("Zoë")),
    ]
    assert {row.customer for row in rows} == {"Zoë"}
    resolution = resolve(taxonomy, rows)
    assert resolution.problems == ()
    assert resolution.labels.weights.toarray().tolist() == [[1.0, 0.0, 0.0]] * 4
    assert resolution.labels.classes[3] == {("topic", 0)}


def test_texts_stay_as_they_are():
    assert make_rows([TWO], [ONE])[0].text == TWO


def test_views_that_are_made_by_hand(spelled):
    view = View.from_members("v", topics=(TWO, "B"), members={spelled("Ä"): [0], spelled("Ö"): [1]})
    assert (view.topics, view.classes) == ((ONE, "B"), ("Ä", "Ö"))
    assert view.coarsen({spelled("Ü"): [spelled("Ä")]}).classes == ("Ü", "Ö")
    with pytest.raises(ConfigError, match="stays"):
        view.coarsen({spelled("Ö"): [spelled("Ä")]})
    assert view.refine({spelled("Ä"): {spelled("Ü"): [spelled(ONE)]}}).classes == ("Ü", "Ö")


def test_a_draft_takes_two_spellings_for_one():
    rows = [{"area": "X", "topic": ONE, "c": "1"}, {"area": "X", "topic": TWO, "c": "1"}]
    assert draft_from_table(rows, levels=["area", "topic"], customers=["c"]).taxonomy.topics == (ONE,)
