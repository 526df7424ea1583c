"""Documents as nobody expects them: empty, huge, of one line, of every script; from Python and the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hiercls.cli import build
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.training.config import TrainingConfig
from hostile.texts import ODD_TEXTS

pytestmark = pytest.mark.slow
QUICK = TrainingConfig(epochs=1, batch_size=16)


@pytest.fixture(scope="module")
def odd():
    return {kind: make() for kind, make in ODD_TEXTS.items()}


@pytest.fixture(scope="module", params=[None, "tiny-bert"])
def model(request, tiny, tiny_bert, tiny_documents, odd):
    """A model that was trained on odd documents among others."""
    texts, topics = tiny_documents
    encoder = None if request.param is None else tiny_bert
    model = HierarchicalTextClassifier(tiny, encoder=encoder, max_length=16, training=QUICK, random_state=0)
    return model.fit([*texts, *odd.values()], [*topics, *("ABCDEF"[place % 6] for place in range(len(odd)))])


def test_odd_documents_are_learnt_from_and_answered(model, odd):
    found = model.predict_proba(list(odd.values()), at="one")
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)


def test_an_odd_document_changes_no_other(model, odd, tiny_documents):
    texts = tiny_documents[0][:4]
    alone, among = model.predict_proba(texts), model.predict_proba([*odd.values(), *texts])[-4:]
    np.testing.assert_allclose(among, alone, atol=1e-5)


def test_the_command_line_answers_them(model, odd, tmp_path):
    model.save_pretrained(tmp_path / "m")
    (tmp_path / "odd.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in odd.values()))
    arguments = ["predict", tmp_path / "m", tmp_path / "odd.jsonl", "--at", "one", "-o", tmp_path / "answers.jsonl"]
    result = CliRunner().invoke(build(), list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [answer["label"] for answer in answers] == model.predict(list(odd.values()), at="one").tolist()
