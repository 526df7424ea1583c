"""Learning from documents that are encoded or few: beside hiclass with logistic regression, and beside SetFit.

Knows the peers' interfaces and the estimator; knows no clock.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from hiercls.errors import require
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.encoder import EncoderConfig, find_encoder
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.local import paths_of
from hiercls.study.speed.rounds import Row, SpeedConfig, present, ratios
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig

N_EACH, EVERY, MAX_LENGTH, N_TESTED = 8, 5, 64, 200
"""For SetFit: documents of a topic, every which topic, tokens of a document, documents that are tested."""

N_ENCODED, N_ASKED = 2_000, 1_000
"""For hiclass: documents that are learnt from and asked."""

SETFIT, HICLASS = "SetFit, defaults", "hiclass, logistic regression under every node, on the same encodings"


def few_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Learn from some documents, beside the libraries that one would take for it.

    Args:
        config: Rounds, three at most with SetFit; threads; scale.
        say: Is told of absent peers.

    Returns:
        The rows.
    """
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    training, test = newsgroups_corpora(taxonomy, headers="removed")
    return [*_beside_hiclass(config, taxonomy, training, test, say), *_beside_setfit(config, training, test, say)]


def _beside_hiclass(
    config: SpeedConfig, taxonomy: Taxonomy, training: Corpus, test: Corpus, say: Callable[[str], None]
) -> list[Row]:
    """Heads of all levels on encodings that are there already: hiercls reads its own from the cache."""
    random = np.random.default_rng(0)
    taught = training.take(random.permutation(len(training.texts))[: config.size(N_ENCODED, least=100)])
    asked = test.take(random.permutation(len(test.texts))[: config.size(N_ASKED, least=50)])
    engine = HierarchicalTextClassifier(taxonomy).build_engine()
    encodings, questions = engine.encode(list(taught.texts)), engine.encode(list(asked.texts))
    names = np.array(taxonomy.topics)
    paths = paths_of(taxonomy)[taught.topics]
    right: dict[str, float] = {}

    def ours() -> None:
        training = TrainingConfig(about_weight=0.0)
        model = HierarchicalTextClassifier(taxonomy, lexical=False, training=training, device="cpu")
        said = model.fit(list(taught.texts), names[taught.topics]).predict(list(asked.texts))
        right["hiercls"] = float(np.mean(said == names[asked.topics]))

    def theirs() -> Callable[[], None]:
        local = require("hiclass", extra="compare").LocalClassifierPerParentNode

        def run() -> None:
            model = local(LogisticRegression(max_iter=1000)).fit(encodings, paths)
            right[HICLASS] = float(np.mean(model.predict(questions)[:, -1] == names[asked.topics]))

        return run

    works = {"hiercls": ours, **dict(present({HICLASS: theirs}, say))}
    what = f"learn all levels from {len(taught.texts):,} encoded documents, and class {len(asked.texts):,}"
    return _row(what, HICLASS, config.time(works, warm=False), right)


def _beside_setfit(config: SpeedConfig, training: Corpus, test: Corpus, say: Callable[[str], None]) -> list[Row]:
    """The whole way from a few strings to a model that has answered."""
    wanted = np.unique(training.topics[training.topics >= 0])[::EVERY]
    places = [np.flatnonzero(training.topics == topic)[:N_EACH] for topic in wanted]
    taught = training.take(np.concatenate(places))
    asked = test.take(np.flatnonzero(np.isin(test.topics, wanted))[: config.size(N_TESTED, least=20)])
    names = {int(topic): f"topic {topic}" for topic in wanted}
    small = {"hiercls": 1, "name": "few", "levels": ["topic"], "topics": list(names.values())}
    labels, truth = ([names[int(topic)] for topic in one.topics] for one in (taught, asked))
    right: dict[str, float] = {}

    def ours() -> None:
        encoder = EncoderConfig(max_length=MAX_LENGTH)
        model = HierarchicalTextClassifier(Taxonomy.from_dict(small), encoder=encoder, cache=False, device="cpu")
        said = model.fit(list(taught.texts), labels).predict(list(asked.texts))
        right["hiercls"] = float(np.mean(said == np.array(truth)))

    def run(setfit: Any, datasets: Any) -> None:
        model = setfit.SetFitModel.from_pretrained(str(find_encoder(EncoderConfig())), labels=list(names.values()))
        model.model_body.max_seq_length = MAX_LENGTH
        data = datasets.Dataset.from_dict({"text": list(taught.texts), "label": labels})
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the Trainer's, of a GPU that is not there
            arguments = setfit.TrainingArguments(output_dir=folder, report_to="none", show_progress_bar=False)
            setfit.Trainer(model=model, args=arguments, train_dataset=data).train()
        right[SETFIT] = float(np.mean(np.array(model.predict(list(asked.texts))) == np.array(truth)))

    def theirs() -> Callable[[], None]:
        setfit, datasets = require("setfit", extra="bench"), require("datasets", extra="bench")
        return lambda: run(setfit, datasets)

    config = replace(config, rounds=min(3, config.rounds))
    works = {"hiercls": ours, **dict(present({SETFIT: theirs}, say))}
    what = f"learn {len(names)} topics from {len(labels)} texts of {MAX_LENGTH} tokens, and class {len(truth)}"
    return _row(what, SETFIT, config.time(works, warm=False), right)


def _row(what: str, peer: str, seconds: Mapping[str, Sequence[float]], right: Mapping[str, float]) -> list[Row]:
    """How many times as fast, and who was right how often."""
    if peer not in seconds:
        return []
    note = f"accuracy {right['hiercls']:.3f} and {right[peer]:.3f}"
    return [Row(work=what, against=peer, values=ratios(seconds[peer], seconds["hiercls"]), note=note)]
