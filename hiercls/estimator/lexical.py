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
from hiercls.model.multilabel_targets import MultilabelTable
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
) -> LexicalBranch | None:
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

    Returns:
        The branch; None where no term is kept, where held-out labels are likelier without it, or where a document may
            have several topics.
    """
    targets = documents.targets
    if isinstance(targets, MultilabelTable):  # a lexical branch knows one topic a document
        return None
    terms, words = Terms.read(texts, customers=owners, config=config)
    if not len(terms):
        return None
    inputs = documents.inputs  # a tuned encoder has seen these documents: words are learnt without its encodings
    encodings = inputs.encodings if isinstance(inputs, EncodingInputs) else np.empty((len(inputs), 0))
    features = Features(words=words, encodings=encodings)
    teacher = LexicalTeacher(
        features=features,
        targets=targets,
        weights=documents.weights / documents.weights.mean(),  # the smoothing is in units of a document
        smoothing=config.smoothing,
    )
    with threadpool_limits(limits=1):
        taught = teach(teacher, split=split, before=before, after=after, always=always)
    if taught is None:
        return None
    weights, scale = taught
    return LexicalBranch(
        terms=terms,
        term_weights=weights[: len(terms)],
        encoding_weights=features.share * weights[len(terms) :],
        scale=scale,
    )
