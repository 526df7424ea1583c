"""The one door from words to tensors: padding, cutting and moving batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiercls.data.rows import Row
from hiercls.model.batch import LabelledDocuments
from hiercls.model.inputs import EncodingInputs, WindowInputs
from hiercls.model.targets import TargetTable
from hiercls.model.tokens import Tokens
from hiercls.model.windows import Windows
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve

LABELS = [("one", "ABC"), ("two", "BC"), ("topic", "F"), ("three", "CD"), ("area", "Y")]
SEQUENCES = [np.arange(5, 5 + length, dtype=np.int32) for length in (1, 4, 2, 3, 2)]


def documents(taxonomy: Taxonomy, inputs: EncodingInputs | WindowInputs) -> LabelledDocuments:
    labels = resolve(taxonomy, [Row(text="…", labels=(label,)) for label in LABELS]).labels
    return LabelledDocuments(
        inputs=inputs,
        targets=TargetTable(taxonomy, labels, composition="topic"),
        weights=np.arange(1, 6, dtype=np.float32),
        groups=np.array([view for view, _ in LABELS]),
    )


def test_tokens_are_padded_to_the_longest_of_the_batch() -> None:
    tokens = Tokens.pad([np.array([7, 8]), np.array([9]), np.array([], dtype=int)], pad_id=3)
    assert tokens.ids.tolist() == [[7, 8], [9, 3], [3, 3]]
    assert tokens.mask.tolist() == [[1, 1], [1, 0], [0, 0]]
    assert tokens.ids.dtype == tokens.mask.dtype == torch.int64
    assert Tokens.pad([], pad_id=0).ids.shape == (0, 0)


def test_a_batch_holds_each_document_s_own_everything(tiny: Taxonomy) -> None:
    encodings = np.arange(10, dtype=np.float32).reshape(5, 2)
    batch = documents(tiny, EncodingInputs(encodings)).batch(np.array([3, 0]))
    assert isinstance(batch.inputs, torch.Tensor)
    assert batch.inputs.tolist() == [[6, 7], [0, 1]]
    assert batch.weights.tolist() == [4, 1]
    assert batch.documents.tolist() == [3, 0]
    assert batch.allowed[0].tolist() == [[True, True], [True, False]]
    assert batch.targets[1].sets.topics.tolist() == [2, 3, 0, 1, 2]
    assert batch.targets[1].sets.owners.tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("kind", ["encodings", "tokens"])
def test_documents_that_are_taken_are_numbered_anew_and_know_their_place(tiny: Taxonomy, kind: str) -> None:
    encodings = np.arange(10, dtype=np.float32).reshape(5, 2)
    inputs = EncodingInputs(encodings) if kind == "encodings" else WindowInputs(Windows(SEQUENCES, np.arange(5)), 0)
    whole = documents(tiny, inputs)
    taken = whole.take(np.array([4, 1, 2])).take(np.array([2, 0]))
    assert len(taken) == len(taken.inputs) == 2
    one, other = whole.batch(np.array([2, 4])), taken.batch(np.array([0, 1]))
    for left, right in ((one, other),):
        assert left.weights.equal(right.weights)
        assert left.allowed[0].equal(right.allowed[0])
        assert left.targets[0].informative.equal(right.targets[0].informative)
        assert left.targets[1].sets.topics.equal(right.targets[1].sets.topics)
        if isinstance(left.inputs, Tokens):
            assert isinstance(right.inputs, Tokens)
            assert left.inputs.ids.equal(right.inputs.ids)
        else:
            assert left.inputs.equal(right.inputs)
    assert other.documents.tolist() == [2, 4]
    assert taken.groups.tolist() == ["topic", "area"]


def test_a_batch_moves_whole(tiny: Taxonomy) -> None:
    batch = documents(tiny, WindowInputs(Windows(SEQUENCES, np.arange(5)), 0)).batch(np.array([1, 2])).to("meta")
    tensors = [batch.inputs.ids, batch.inputs.mask, batch.allowed[0], batch.weights, batch.targets[0].informative]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
