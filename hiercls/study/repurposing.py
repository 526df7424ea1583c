"""What is compared under Xfer's protocol: heads on encodings, words beside them, unlabelled texts, plain baselines.

Knows one target task with a few labelled documents; where results go is the benchmark's.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading
from threadpoolctl import threadpool_limits

from hiercls.customers.heads import HEADS
from hiercls.customers.repurpose import Features, Repurposer
from hiercls.customers.retraining import EncoderRepurposer, Surgery
from hiercls.customers.words import WordLayer, learnt_from_unlabelled
from hiercls.model.encoder import TextEncoder
from hiercls.model.surgery import layer_names
from hiercls.study.baselines import OWN_DATA, Baseline, Documents, predict_from_own_data
from hiercls.study.corpus import Corpus
from hiercls.study.strategies import ALONE, JOINT, Filed, Pool, PseudoLabels, Strategy
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

SOURCE, N_DROPPED = "source", 2
"""The customer that the source groups stand for; layers that "random freeze" drops, as Xfer does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """Seven groups with few labelled documents, and the groups that were learnt before.

    Args:
        names: The target groups.
        pool: Documents of the source groups, as one customer's.
        documents: All documents of the target groups.
        classes: Their groups as positions in ``names``, shape (n_documents,).
        described: A description of each target group.
        labelled: Positions of the documents whose labels are seen.
        seed: Seed of all training.
    """

    names: tuple[str, ...]
    pool: Pool
    documents: Documents
    classes: np.ndarray
    described: Documents
    labelled: np.ndarray
    seed: int = 0

    @classmethod
    def build(
        cls,
        taxonomy: Taxonomy,
        *,
        source: Corpus,
        target: Corpus,
        names: Sequence[str],
        encode: Callable[[Sequence[str]], np.ndarray],
    ) -> Self:
        """Encode everything.

        Args:
            taxonomy: The map, which describes the groups.
            source: Documents of the source groups.
            target: Documents of the target groups.
            names: The target groups.
            encode: Encodes texts.

        Returns:
            The task, no document labelled.
        """
        place = {taxonomy.topics.index(name): row for row, name in enumerate(names)}
        both = (Documents(texts=corpus.texts, encodings=encode(corpus.texts)) for corpus in (source, target))
        known, documents = both
        about = [taxonomy.about[name] for name in names]
        groups, places = np.unique(source.topics, return_inverse=True)
        return cls(
            names=tuple(names),
            pool=Pool({SOURCE: Filed(documents=known, classes=places, n_classes=len(groups))}),
            documents=documents,
            classes=np.array([place[topic] for topic in target.topics.tolist()]),
            described=Documents(texts=about, encodings=encode(about)),
            labelled=np.empty(0, dtype=np.int64),
        )

    def drawn(self, labelled: np.ndarray, *, seed: int) -> Self:
        """The task with some documents labelled."""
        return dataclasses.replace(self, labelled=labelled, seed=seed)

    @property
    def source(self) -> Filed:
        """Documents of the source groups."""
        return self.pool.customers[SOURCE]

    @property
    def few(self) -> Documents:
        """The labelled documents."""
        return self.documents.take(self.labelled)

    @property
    def few_classes(self) -> np.ndarray:
        """Their classes, shape (n_labelled,)."""
        seen: np.ndarray = self.classes[self.labelled]
        return seen

    @property
    def others(self) -> np.ndarray:
        """Positions of the documents that are tested."""
        return np.setdiff1d(np.arange(len(self.classes)), self.labelled)

    @property
    def truth(self) -> np.ndarray:
        """The classes of the documents that are tested, shape (n_tested,)."""
        truth: np.ndarray = self.classes[self.others]
        return truth


Method = Callable[[Target], np.ndarray]
"""Predicted classes of the documents to test, shape (n_tested,)."""


def before(task: Target) -> np.ndarray:
    """The source task's own head, its first classes read as the target's, as the demo does: a guess.

    Args:
        task: The task.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    head = LogisticRegression(C=0.1, max_iter=2000).fit(task.source.documents.encodings, task.source.classes)
    scores = head.decision_function(task.documents.take(task.others).encodings)[:, : len(task.names)]
    predicted: np.ndarray = scores.argmax(axis=1)
    return predicted


def on_encodings(task: Target, *, head: str, described: bool = False) -> np.ndarray:
    """A head on the encodings alone.

    Args:
        task: The task.
        head: Its name.
        described: Whether the groups' descriptions are read.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    few, classes = with_descriptions(task) if described else (task.few, task.few_classes)
    fitted = Repurposer(head, random_state=task.seed).fit(few.encodings, classes)
    return fitted.predict(task.documents.take(task.others).encodings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """Encodings, and words that the source texts have weighed.

    Args:
        layer: The words.
        few: Features of the labelled documents, and of the groups' descriptions where these are read.
        classes: Their classes.
        tested: Features of the documents to test.
    """

    layer: WordLayer
    few: Features
    classes: np.ndarray
    tested: Features


@functools.lru_cache(maxsize=2)
def both_features(task: Target, *, described: bool) -> Both:
    """The features that several methods share.

    Args:
        task: The task.
        described: Whether the groups' descriptions are read.

    Returns:
        The features.
    """
    few, classes, tested = task.few, task.few_classes, task.documents.take(task.others)
    if described:
        few, classes = with_descriptions(task)
    layer = WordLayer(background=task.source.documents.texts).fit(few.texts)
    return Both(layer=layer, few=united(few, layer), classes=classes, tested=united(tested, layer))


def with_descriptions(task: Target) -> tuple[Documents, np.ndarray]:
    """The labelled documents, each group's description beside them as often as training counts it, and their classes.

    Args:
        task: The task.

    Returns:
        Documents, and their classes.
    """
    n_copies = round(TrainingConfig().about_weight)
    texts = [*task.few.texts, *(list(task.described.texts) * n_copies)]
    encodings = np.concatenate([task.few.encodings, *[task.described.encodings] * n_copies])
    classes = np.concatenate([task.few_classes, np.tile(np.arange(len(task.names)), n_copies)])
    return Documents(texts=texts, encodings=encodings), classes


def united(documents: Documents, layer: WordLayer) -> Features:
    """Both layers of documents."""
    return {"encoding": documents.encodings, "words": layer.transform(documents.texts)}


def on_both(task: Target, *, head: str, described: bool, unlabelled: bool = False) -> np.ndarray:
    """A head on encodings and words; perhaps also taught by the documents to test, without their labels.

    Args:
        task: The task.
        head: Its name.
        described: Whether the groups' descriptions are read.
        unlabelled: Whether the documents to test are read before.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    both, tested = both_features(task, described=described), task.documents.take(task.others)
    fitted = Repurposer(head, random_state=task.seed).fit(both.few, both.classes)
    scores = np.log(np.maximum(fitted.predict_proba(both.tested), 1e-12))
    if unlabelled:
        places = np.searchsorted(fitted.classes_, task.few_classes)
        scores = learnt_from_unlabelled(scores, tested.texts, labelled=task.few.texts, classes=places)
    predicted: np.ndarray = fitted.classes_[scores.argmax(axis=1)]
    return predicted


def of_paragraph(task: Target, paragraph: str, encode: Callable[[Sequence[str]], np.ndarray]) -> dict[str, float]:
    """What logistic regression on encodings and words says of a text.

    Args:
        task: The task.
        paragraph: The text.
        encode: Encodes texts.

    Returns:
        Probabilities of the target groups.
    """
    both = both_features(task, described=False)
    fitted = Repurposer(random_state=task.seed).fit(both.few, both.classes)
    one = Documents(texts=[paragraph], encodings=encode([paragraph]))
    shares = fitted.predict_proba(united(one, both.layer))[0]
    return {task.names[place]: float(share) for place, share in zip(fitted.classes_, shares, strict=True)}


def plain(task: Target, *, baseline: Baseline) -> np.ndarray:
    """A plain classifier on the labelled documents alone.

    Args:
        task: The task.
        baseline: Which.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    tested = task.documents.take(task.others)
    return predict_from_own_data(baseline, task.few, task.few_classes, tested, seed=task.seed)


def latent(task: Target) -> np.ndarray:
    """Logistic regression on 100 latent dimensions of all target texts.

    Args:
        task: The task.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    words = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(task.documents.texts)
    features = TruncatedSVD(min(100, words.shape[1] - 1), random_state=task.seed).fit_transform(words)
    fitted = Repurposer(random_state=task.seed).fit(features[task.labelled], task.few_classes)
    return fitted.predict(features[task.others])


def spread(task: Target) -> np.ndarray:
    """Label spreading over the ten nearest encodings.

    Args:
        task: The task.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    labels = np.full(len(task.classes), -1)
    labels[task.labelled] = task.few_classes
    with threadpool_limits(limits=1):
        fitted = LabelSpreading(kernel="knn", n_neighbors=10, max_iter=100).fit(task.documents.encodings, labels)
    predicted: np.ndarray = fitted.transduction_[task.others]
    return predicted


def by_strategy(task: Target, *, strategy: Strategy, unlabelled: bool = False) -> np.ndarray:
    """What people are advised to try, the source groups being another customer's classes.

    Args:
        task: The task.
        strategy: Which.
        unlabelled: Whether the documents to test are read before.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    own = Filed(documents=task.few, classes=task.few_classes, n_classes=len(task.names))
    tested = task.documents.take(task.others)
    with threadpool_limits(limits=1):
        said = strategy.fit(task.pool, own, tested if unlabelled else tested.take(np.empty(0, np.int64)))(tested)
    predicted: np.ndarray = said.argmax(axis=1)
    return predicted


def by_layers(task: Target, *, encoder: TextEncoder, surgery: Surgery) -> np.ndarray:
    """A softmax on an encoder whose layers are trained on the labelled documents.

    Args:
        task: The task.
        encoder: The encoder.
        surgery: What is dropped, forgotten and frozen before.

    Returns:
        Predicted classes, shape (n_tested,).
    """
    fitted = EncoderRepurposer(encoder, surgery=surgery, random_state=task.seed).fit(
        task.few.texts, task.few_classes.tolist()
    )
    return fitted.predict(task.documents.take(task.others).texts)


def retrained(encoder: TextEncoder) -> dict[str, Method]:
    """Methods that train the encoder's layers, and so encode all documents to test anew: minutes a draw.

    Args:
        encoder: The encoder; it stays as it is.

    Returns:
        Methods by name.
    """
    layers = layer_names(encoder.transformer)
    kept = layers[: max(1, len(layers) - N_DROPPED)]
    frozen = ("embeddings", *kept[: len(kept) // 2])
    freezing = Surgery(top=kept[-1], forgotten=kept[-1:], frozen=frozen)
    return {
        "fine-tuning: all layers": functools.partial(by_layers, encoder=encoder, surgery=Surgery()),
        f"random freeze: {N_DROPPED} top layers dropped, the next at random, the lower half frozen": functools.partial(
            by_layers, encoder=encoder, surgery=freezing
        ),
    }


_LR = "logistic-regression"
_PLAIN = {one.name.removeprefix("own data: "): one for one in OWN_DATA if one.features == "tfidf"}

INDUCTIVE: Mapping[str, Method] = {
    "before repurposing: the source head": before,
    **{f"from scratch: {name}": functools.partial(plain, baseline=one) for name, one in _PLAIN.items()},
    **{f"encodings: {head}": functools.partial(on_encodings, head=head) for head in HEADS},
    **{
        f"encodings and words: {head}": functools.partial(on_both, head=head, described=False)
        for head in (_LR, "rbf-svm", "gaussian-process", "laplace")
    },
    f"encodings and a description of each group: {_LR}": functools.partial(on_encodings, head=_LR, described=True),
    f"encodings, words and a description of each group: {_LR}": functools.partial(on_both, head=_LR, described=True),
    **{
        f"strategy: {name}": functools.partial(by_strategy, strategy=one)
        for name, one in {**JOINT, **ALONE}.items()
        if not isinstance(one, PseudoLabels)
    },
}
"""Methods that do not see the documents to test."""

TRANSDUCTIVE: Mapping[str, Method] = {
    "latent dimensions of words: logistic-regression": latent,
    "encodings: label spreading": spread,
    "strategy: own data, pseudo-labels": functools.partial(by_strategy, strategy=PseudoLabels(), unlabelled=True),
    f"encodings and words: {_LR}, then words of unlabelled texts": functools.partial(
        on_both, head=_LR, described=False, unlabelled=True
    ),
    f"encodings, words and a description of each group: {_LR}, then words of unlabelled texts": functools.partial(
        on_both, head=_LR, described=True, unlabelled=True
    ),
}
"""Methods that read the texts of the documents to test."""
