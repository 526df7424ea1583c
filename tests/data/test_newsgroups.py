from urllib.error import URLError

import pytest
from sklearn import datasets
from sklearn.utils import Bunch

from hiercls.data.newsgroups import load_newsgroups
from hiercls.errors import ConfigError, DataError


@pytest.fixture
def present() -> None:
    try:
        datasets.fetch_20newsgroups(subset="test", download_if_missing=False)
    except OSError:
        pytest.skip("20 Newsgroups is not on this machine (SCIKIT_LEARN_DATA)")


@pytest.mark.usefixtures("present")
def test_the_test_subset_with_headers_kept() -> None:
    newsgroups = load_newsgroups("test", headers="kept")
    assert len(newsgroups.texts) == len(newsgroups.topics) == 7532
    assert len(set(newsgroups.topics)) == 20
    assert "" not in newsgroups.texts


@pytest.mark.slow
@pytest.mark.usefixtures("present")
def test_headers_removed_leave_empty_texts() -> None:
    texts = load_newsgroups("test", headers="removed").texts
    assert sum(not text.strip() for text in texts) == 215
    assert len(load_newsgroups("train", headers="removed").texts) == 11314


def test_headers_decide_what_is_removed_and_the_order_is_not_shuffled(monkeypatch) -> None:
    calls = []

    def fetch(**arguments):
        calls.append(arguments)
        return Bunch(data=["a", ""], target=[1, 0], target_names=["x", "y"])

    monkeypatch.setattr(datasets, "fetch_20newsgroups", fetch)
    newsgroups = load_newsgroups("train", headers="removed")
    load_newsgroups("train", headers="kept")
    assert newsgroups.topics == ("y", "x")
    assert newsgroups.texts == ("a", "")
    assert [call["remove"] for call in calls] == [("headers", "footers", "quotes"), ()]
    assert [call["shuffle"] for call in calls] == [False, False]


def test_absent_data_is_an_error_with_remedies(monkeypatch, tmp_path) -> None:
    def fetch(**arguments):
        raise URLError("no route to host")

    monkeypatch.setattr(datasets, "fetch_20newsgroups", fetch)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    with pytest.raises(DataError, match="set SCIKIT_LEARN_DATA to a folder") as caught:
        load_newsgroups("test", headers="kept")
    assert str(tmp_path) in str(caught.value)


def test_wrong_words() -> None:
    with pytest.raises(ConfigError, match="'headers' to be 'kept' or 'removed', got 'remove'; did you mean 'removed'"):
        load_newsgroups("test", headers="remove")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'subset' to be 'train' or 'test', got 'all'"):
        load_newsgroups("all", headers="kept")  # type: ignore[arg-type]
