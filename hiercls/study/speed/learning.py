"""How fast a model learns: the whole encoder, heads on cached encodings, words alone, and many customers at once.

Knows training runs and the peers' own; knows no clock.
"""

from __future__ import annotations

import warnings
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from torch import nn

from hiercls.data.rows import Row as Document
from hiercls.data.rows import make_rows
from hiercls.encoding.engine import EncodingEngine
from hiercls.encoding.precision import resolve_precision
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.networks import Bench
from hiercls.estimator.numeric import HierarchicalClassifier
from hiercls.model.batch import LabelledDocuments
from hiercls.model.encoder import EncoderConfig, TextEncoder, load_encoder
from hiercls.model.heads import HeadConfig
from hiercls.model.inputs import Inputs
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.targets import TargetTable
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.speed.encoding import CPU
from hiercls.study.speed.rounds import Row, SpeedConfig, present, ratios
from hiercls.study.speed.trainer import BATCH, BEST, USUAL, build_trainer
from hiercls.taxonomy import Taxonomy, resolve, shipped
from hiercls.training.config import TrainingConfig
from hiercls.training.loop import train

MOST_ITERATIONS = 2_000
"""Iterations that logistic regression may take at most."""

PLAIN = HeadConfig(hidden=0, dropout=0.0, composition="flat")
"""One linear map from encodings to topics: what logistic regression is."""


def labelled(taxonomy: Taxonomy, rows: Sequence[Document], inputs: Inputs) -> LabelledDocuments:
    """Rows whose labels are legal, with what a network reads of them."""
    labels = resolve(taxonomy, rows).labels
    return LabelledDocuments(
        inputs=inputs,
        targets=TargetTable(taxonomy, labels, composition="flat"),
        weights=np.ones(len(rows), dtype=np.float32),
        groups=np.array([row.customer or "" for row in rows]),
    )


def flat_network(taxonomy: Taxonomy, *, width: int) -> HierarchicalNetwork:
    """A new linear head on encodings of some width, the same every time."""
    torch.manual_seed(0)
    return HierarchicalNetwork(PLAIN.build(width, taxonomy), body=nn.Identity())


def fitted(
    network: HierarchicalNetwork,
    documents: LabelledDocuments,
    config: TrainingConfig,
    *,
    n_levels: int,
    device: torch.device = CPU,
) -> HierarchicalNetwork:
    """The network, trained by the library's own loop on what labels say of the topics."""
    weights = torch.tensor([0.0] * (n_levels - 1) + [1.0])
    train(network, documents, config=config, level_weights=weights, device=device, seed=0)
    return network


def fine_tuning(encoder: TextEncoder, corpus: Corpus, *, device: torch.device = CPU) -> Callable[[], None]:
    """What trains all layers of an encoder once on documents of 20 Newsgroups, in the format that is used by default.

    Args:
        encoder: The encoder; every run begins with its weights.
        corpus: The documents and their topics.
        device: Where the steps run.

    Returns:
        One run.
    """
    taxonomy, texts = Taxonomy.from_yaml(shipped("newsgroups")), list(corpus.texts)
    encoder.trained_in = resolve_precision("auto", device)
    bench = Bench.of(texts, EncodingEngine(encoder, device=device), tune="all", progress=False)
    rows = make_rows(texts, [taxonomy.topics[topic] for topic in corpus.topics])
    documents = labelled(taxonomy, rows, bench.inputs)
    config = TrainingConfig(epochs=1, batch_size=BATCH, weight_decay=0.01)

    def run() -> None:
        network = bench.network(PLAIN.build(encoder.width, taxonomy))
        fitted(network, documents, config, n_levels=len(taxonomy.levels), device=device)

    return run


def _newsgroups(number: int | None) -> tuple[Taxonomy, Corpus, Corpus]:
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    return (taxonomy, *newsgroups_corpora(taxonomy, headers="removed", documents=number))


def train_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Fine-tune all layers for some steps of 32 documents, in tokens a second, beside the Trainer.

    Args:
        config: Rounds, threads, steps.
        say: Is told of absent peers.

    Returns:
        The rows.
    """
    _, corpus, _ = _newsgroups(config.steps * BATCH)
    encoder = load_encoder(EncoderConfig())
    n_tokens, run = int(encoder.tokenize(corpus.texts).lengths.sum()), fine_tuning(encoder, corpus)
    builders = {
        name: partial(build_trainer, corpus, best=name == BEST, threads=config.threads, max_steps=config.steps)
        for name in (USUAL, BEST)
    }
    seconds = config.time({"hiercls": run, **dict(present(builders, say))}, warm=False)
    found = []
    for name, bar, stretch in ((USUAL, 4.0, 6.0), (BEST, 1.1, 1.5)):
        if name in seconds:
            values = ratios(seconds[name], seconds["hiercls"])
            note = f"products in {str(encoder.trained_in).removeprefix('torch.')}, as by default"
            row = Row(work="fine-tune all layers", against=name, values=values, bar=bar, stretch=stretch, note=note)
            found.append(row)
    for name, spent in seconds.items():
        rate = [n_tokens / one for one in spent]
        found.append(Row(work="training tokens a second", against=name, values=rate, unit=" tokens/s"))
    return found


def head_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Train a linear head on cached encodings, beside logistic regression of the same strength and the same loss.

    That is given the least number of iterations after which its loss is as low, whatever its tolerance.

    Args:
        config: Rounds and threads.
        say: Is told of the losses.

    Returns:
        The rows: to the same loss, and to that at which logistic regression stops by default; where this is lower than
        what hiercls ends at, nothing counts.
    """
    taxonomy, corpus, _ = _newsgroups(_number(config))
    encodings = HierarchicalTextClassifier(taxonomy).build_engine().encode(list(corpus.texts))

    def loss(model: HierarchicalClassifier | LogisticRegression, weights: np.ndarray) -> float:
        said = model.predict_proba(encodings).astype(float)
        likelihood = log_loss(corpus.topics, said / said.sum(axis=1, keepdims=True), labels=model.classes_)
        return float(likelihood + (weights**2).sum() / 2 / len(said))

    def regression(**settings: float) -> tuple[LogisticRegression, float]:
        found = LogisticRegression(**settings).fit(encodings, corpus.topics)
        return found, loss(found, found.coef_)

    ours = HierarchicalClassifier().fit(encodings, corpus.topics)
    reached = loss(ours, next(ours.head_.parameters()).detach().numpy())
    what, found = f"train heads on cached encodings, {len(encodings):,} × 20", []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is told where to stop
        counts, as_low = range(1, MOST_ITERATIONS), lambda count: regression(max_iter=count, tol=0.0)[1] <= reached
        same, same_loss = regression(max_iter=1 + bisect_left(counts, True, key=as_low), tol=0.0)
        usual, usual_loss = regression(max_iter=10_000)
        works = {"hiercls": ours, "the same": same, "its own": usual}
        seconds = config.time({name: partial(one.fit, encodings, corpus.topics) for name, one in works.items()})
    for name, other, bars in (("the same", same_loss, (3.0, 10.0)), ("its own", usual_loss, (None, None))):
        note = f"loss with its L2 {reached:.5f} and {other:.5f} nats a document"
        say(f"heads, to {name} loss: {note}")
        is_as_low = name == "the same" or reached <= other
        values = ratios(seconds[name], seconds["hiercls"]) if is_as_low else [0.0]
        against = f"scikit-learn LogisticRegression, to {name} loss"
        note += "" if is_as_low else "; not as low, so that nothing counts"
        found.append(Row(work=what, against=against, values=values, bar=bars[0], stretch=bars[1], note=note))
    return found


def _number(config: SpeedConfig) -> int | None:
    """How many training documents are taken; None: all."""
    return config.size(11_314, least=200) if config.scale < 1 else None


def lexical_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Fit and predict on words alone, beside TF-IDF and a linear SVM.

    Args:
        config: Rounds and threads.
        say: Not used: scikit-learn is always there.

    Returns:
        The rows.
    """
    taxonomy, corpus, test = _newsgroups(_number(config))
    names = [taxonomy.topics[topic] for topic in corpus.topics]
    truth = [taxonomy.topics[topic] for topic in test.topics]
    right: dict[str, float] = {}

    def hiercls() -> None:
        model = HierarchicalTextClassifier(taxonomy, encoder=None, training=TrainingConfig(about_weight=0.0))
        right["hiercls"] = float(np.mean(model.fit(corpus.texts, names).predict(test.texts) == truth))

    def svm() -> None:
        pipeline = make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC(dual=True))
        right["LinearSVC"] = float(np.mean(pipeline.fit(corpus.texts, names).predict(test.texts) == truth))

    seconds = config.time({"hiercls": hiercls, "LinearSVC": svm}, warm=False)
    note = f"accuracy on test documents {right['hiercls']:.3f} and {right['LinearSVC']:.3f}"
    return [
        Row(
            work=f"fit {len(names):,} and predict {len(truth):,} documents on TF-IDF only",
            against="scikit-learn TF-IDF + LinearSVC",
            values=ratios(seconds["LinearSVC"], seconds["hiercls"]),
            bar=1.0,
            stretch=2.0,
            note=note,
        )
    ]
