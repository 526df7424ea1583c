"""From labelled texts to the lexical branch: which terms, and what they say.

Joins terms, features and the teacher; knows no encoder and no file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits
from torch import Tensor

from hiercls.model.batch import LabelledDocuments
from hiercls.model.inputs import EncodingInputs
from hiercls.model.lexical import LexicalBranch
from hiercls.model.task import OneTopic, Task
from hiercls.model.terms import LexicalConfig, Terms
from hiercls.training.lexical import LexicalTeacher, teach
from hiercls.training.words import Features


def lexical_branch(
    texts: Sequence[str],
    documents: LabelledDocuments,
    *,
    owners: np.ndarray,
    config: LexicalConfig,
    split: tuple[np.ndarray, np.ndarray],
    before: Tensor,
    after: Tensor,
    always: bool,
    task: Task,
) -> tuple[LexicalBranch, Tensor] | None:
    """Learn what words say, where held-out labels want it.

    Args:
        texts: The texts, n_documents of them.
        documents: Their encodings where the encoder is frozen, their targets and weights.
        owners: The customer of each, shape (n_documents,); an empty name: nobody's.
        config: Which terms are read.
        split: Positions to learn from and to hold out.
        before: What the encoder says of all documents that has learnt from the first part of the split alone, shape
            (n_documents, n_topics).
        after: What the encoder says of them that is kept.
        always: Whether to learn it without asking held-out labels.
        task: Whether a document has one topic.

    Returns:
        The branch, and log p(t|x) of the held-out documents with words that have not learnt from them, shape
        (n_heldout, n_topics); None where no term is kept, or where held-out labels are likelier without it.
    """
    terms, words = Terms.read(texts, customers=owners, config=config)
    if not len(terms):
        return None
    inputs = documents.inputs  # a tuned encoder has seen these documents: words are learnt without its encodings
    encodings = inputs.encodings if isinstance(inputs, EncodingInputs) else np.empty((len(inputs), 0))
    features = Features(words=words, encodings=encodings)
    teacher = LexicalTeacher(
        features=features if isinstance(task, OneTopic) else features.centred(),
        targets=documents.targets,
        weights=documents.weights / documents.weights.mean(),  # the smoothing is in units of a document
        smoothing=config.smoothing,
        task=task,
    )
    with threadpool_limits(limits=1):
        taught = teach(teacher, split=split, before=before, after=after, always=always)
    if taught is None:
        return None
    branch = LexicalBranch(
        terms=terms,
        term_weights=taught.weights[: len(terms)],
        encoding_weights=features.share * taught.weights[len(terms) :],
        scale=taught.scale,
        bias=taught.bias,
    )
    return branch, taught.heldout
