"""A model on the hub, mocked, and its card."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from hiercls.data import Row, read, row_cells, to_dataset
from hiercls.errors import ConfigError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig


@pytest.fixture(scope="module")
def model(tiny: Taxonomy, tiny_documents: Any) -> HierarchicalTextClassifier:
    return HierarchicalTextClassifier(tiny, encoder=None).fit(*tiny_documents)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A hub of folders, one for each commit, which keeps what it was asked."""
    commits: dict[str, Path] = {}
    asked: list[Any] = []

    class Api:
        def __init__(self, token: str | None = None) -> None:
            asked.append(("token", token))

        def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
            asked.append(("repository", repo_id, private, exist_ok))

        def create_branch(self, repo_id: str, *, branch: str, exist_ok: bool) -> None:
            asked.append(("branch", branch, exist_ok))

        def upload_folder(self, *, repo_id: str, folder_path: Path, revision: str | None, **_: str) -> SimpleNamespace:
            commit = f"commit{len(commits)}"
            commits[commit] = commits[revision or "main"] = Path(shutil.copytree(folder_path, tmp_path / commit))
            return SimpleNamespace(oid=commit)

    def download(name: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool = False) -> str:
        asked.append(("download", name, revision, local_files_only))
        if local_files_only or (revision or "main") not in commits:
            raise FileNotFoundError("not cached")
        return str(commits[revision or "main"])

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return SimpleNamespace(asked=asked, commits=commits)


def test_a_model_goes_to_the_hub_and_comes_back_by_a_pinned_commit(
    model: HierarchicalTextClassifier, hub: SimpleNamespace, tiny_documents: Any
) -> None:
    first = model.push_to_hub("me/tiny")
    assert hub.asked[:2] == [("token", None), ("repository", "me/tiny", True, True)]
    changed = HierarchicalTextClassifier.from_pretrained("me/tiny").remove_customer("one")
    second = changed.push_to_hub("me/tiny", revision="next", private=False, card="# Mine\n", token="secret")
    assert ("repository", "me/tiny", False, True) in hub.asked
    assert ("branch", "next", True) in hub.asked
    found = {revision: HierarchicalTextClassifier.from_pretrained("me/tiny", revision=revision)
             for revision in (first, second, "next", None)}  # fmt: skip
    customers = {revision: one.taxonomy_.customers for revision, one in found.items()}
    assert customers[first] == customers[None] == ("one", "two", "three")
    assert customers[second] == customers["next"] == ("two", "three")
    assert hub.asked[-1] == ("download", "me/tiny", None, False)
    texts = tiny_documents[0]
    np.testing.assert_array_equal(found[first].predict_proba(texts), model.predict_proba(texts))
    assert hub.commits[first].joinpath("README.md").read_text().startswith("---\nlibrary_name: hiercls")
    assert hub.commits[second].joinpath("README.md").read_text() == "# Mine\n"
    assert not [file for file in hub.commits[second].rglob("*") if "secret" in file.read_text(errors="ignore")]


def test_a_folder_is_never_looked_for_on_the_hub(
    model: HierarchicalTextClassifier, hub: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model.save_pretrained("me/tiny")
    assert HierarchicalTextClassifier.from_pretrained("me/tiny").taxonomy_.name == "tiny"
    for missing in ("nowhere", "./nowhere", "/no/where", Path("no/where")):
        with pytest.raises(ModelFolderError, match="expected a model folder"):
            HierarchicalTextClassifier.from_pretrained(missing)
    with pytest.raises(ConfigError, match="no revision 'abc'"):
        HierarchicalTextClassifier.from_pretrained("me/tiny", revision="abc")
    assert hub.asked == []
    with pytest.raises(ModelFolderError, match="could not be had from the hub"):
        HierarchicalTextClassifier.from_pretrained("you/other")


def test_a_model_that_others_could_not_load_is_not_pushed(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: Any, hub: SimpleNamespace
) -> None:
    training = TrainingConfig(epochs=1, weight_decay=0.0)
    model = HierarchicalTextClassifier(
        tiny, encoder=str(tiny_bert), max_length=16, lexical=False, training=training, cache=False
    )
    with pytest.raises(ConfigError, match="a folder of this machine"):
        model.fit(*tiny_documents).push_to_hub("me/tiny")
    assert hub.asked == []


def test_a_card_says_what_a_model_is_worth_and_names_no_customer_unless_asked(
    model: HierarchicalTextClassifier, tiny_documents: Any
) -> None:
    rows = [Row(text=text, labels=(("topic", topic),)) for text, topic in zip(*tiny_documents, strict=True)]
    rows += [Row(text=rows[0].text, labels=(("three", "AB"),), customer="three")]
    card = model.model_card(rows, name="me/tiny", data="Short texts | of six topics.")
    head = yaml.safe_load(card.split("---")[1])
    assert (head["library_name"], head["pipeline_tag"]) == ("hiercls", "text-classification")
    accuracy = model.score(*tiny_documents)
    assert f"| topic | 96 | {accuracy:.3f} ± " in card
    assert "| customer 3 | 1 | " in card
    assert "| three |" not in card
    assert "| three | 1 | " in model.model_card(rows, customers=True)
    assert "Short texts | of six topics." in card
    assert "It reads words alone" in card
    assert "were not calibrated" in card
    assert "Not measured" in model.model_card()


def test_rows_become_a_data_set_and_rows_again() -> None:
    pytest.importorskip("datasets", reason="needs the extra: pip install 'hiercls[datasets]'")
    rows = [
        Row(text="a", labels=(("one", "ABC"), (None, "X")), customer="one"),
        Row(text="", thread="t"),
        Row(text="b", labels=((None, "D"),), complete=()),
    ]
    again = read(to_dataset(rows)).rows
    assert [row_cells(row) for row in again] == [row_cells(row) for row in rows]
