"""Which terms are kept, against counting by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from hiercls.errors import ConfigError
from hiercls.model import terms as module
from hiercls.model.terms import LexicalConfig, Terms

TEXTS = ["red fox runs", "red hen, red barn", "the hen and the fox", "", "secret project fox", "the barn is red"]
CUSTOMERS = ["one", "two", "one", "two", "three", "two"]


@pytest.mark.parametrize("n_counted", [1, 4, module.N_COUNTED])
@pytest.mark.parametrize("max_words", [1, 2])
def test_features_equal_scikit_learns_where_all_terms_are_kept(
    max_words: int, n_counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "N_COUNTED", n_counted)
    terms = Terms.fit(TEXTS, customers=CUSTOMERS, config=LexicalConfig(min_customers=1, max_words=max_words))
    expected = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, max_words)).fit(TEXTS)
    assert list(terms.names) == expected.get_feature_names_out().tolist()
    found = terms.features([*TEXTS, "a new fox runs, runs, runs"])
    np.testing.assert_allclose(
        found.toarray(), expected.transform([*TEXTS, "a new fox runs, runs, runs"]).toarray(), atol=1e-6
    )


@given(st.text(max_size=60))
def test_words_are_those_that_scikit_learn_finds(text: str) -> None:
    assert re.findall(module.WORD, text) == re.findall(CountVectorizer().token_pattern, text)


@pytest.mark.parametrize("config", [LexicalConfig(min_customers=1, max_words=2), LexicalConfig(max_terms=3)])
def test_reading_gives_the_features_too(config: LexicalConfig) -> None:
    terms, features = Terms.read(TEXTS, customers=CUSTOMERS, config=config)
    assert terms.names == Terms.fit(TEXTS, customers=CUSTOMERS, config=config).names
    for found in (features, terms.features(TEXTS), terms.features(np.array(TEXTS))):
        np.testing.assert_array_equal(found.toarray(), features.toarray())
        assert (found.dtype, found.indices.dtype, found.has_canonical_format) == (np.float32, np.int32, True)


@pytest.mark.parametrize("min_customers", [1, 2, 3])
def test_a_term_needs_customers_not_documents(min_customers: int) -> None:
    terms = Terms.fit(TEXTS, customers=CUSTOMERS, config=LexicalConfig(min_customers=min_customers))
    users: dict[str, set[str]] = {}
    for text, customer in zip(TEXTS, CUSTOMERS, strict=True):
        for word in text.replace(",", "").split():
            users.setdefault(word, set()).add(customer)
    assert list(terms.names) == sorted(word for word, owners in users.items() if len(owners) >= min_customers)
    assert ("secret" in terms.names) == (min_customers == 1)


def test_one_customer_alone_keeps_its_terms() -> None:
    assert "secret" in Terms.fit(TEXTS, customers=["one"] * len(TEXTS), config=LexicalConfig()).names


def test_rows_of_no_customer_count_as_none() -> None:
    texts = ["alpha beta", "alpha gamma", "beta delta", "delta gamma"]
    terms = Terms.fit(texts, customers=["one", "two", "", ""], config=LexicalConfig())
    assert terms.names == ("alpha",)
    alone = Terms.fit(texts, customers=["one", "", "", ""], config=LexicalConfig())
    assert alone.names == ("alpha", "beta")
    assert len(Terms.fit(texts, customers=[""] * 4, config=LexicalConfig())) == 4


def test_the_most_used_terms_are_kept() -> None:
    texts = ["alpha beta", "alpha gamma", "alpha gamma zeta"]
    terms = Terms.fit(texts, customers=[""] * 3, config=LexicalConfig(max_terms=2))
    assert terms.names == ("alpha", "gamma")
    assert terms.features(texts).shape == (3, 2)


def test_a_word_is_one_however_its_accents_are_typed() -> None:
    terms = Terms.fit(["caf\u00e9", "CAFE\u0301"], customers=["one", "two"], config=LexicalConfig())
    assert terms.names == ("caf\u00e9",)
    np.testing.assert_array_equal(terms.features(["cafe\u0301"]).toarray(), [[1.0]])


@pytest.mark.parametrize("texts", [["", "!"], ["alpha", "beta"]])
def test_texts_without_a_common_word_give_no_terms(texts: list[str]) -> None:
    terms = Terms.fit(texts, customers=["one", "two"], config=LexicalConfig())
    assert len(terms) == 0
    assert terms.features(["alpha", ""]).shape == (2, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_customers": 0},
        {"max_words": 0},
        {"max_terms": 1.5},
        {"smoothing": 0.0},
        {"smoothing": 1e-46},
        {"smoothing": np.inf},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        LexicalConfig(**wrong)  # type: ignore[arg-type]
