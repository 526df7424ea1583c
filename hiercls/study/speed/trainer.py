"""The peer that trains: the Trainer of `transformers`, as it comes and at its best, and whether it learns more.

Knows the Trainer's interface; knows no clock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from hiercls.encoding.precision import resolve_precision
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.encoder import EncoderConfig, find_encoder
from hiercls.model.heads import HeadConfig
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.speed.rounds import Row, SpeedConfig
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig

BATCH = 32
"""Documents in a step where the encoder is trained."""

USUAL, BEST = (
    "transformers Trainer, defaults",
    "transformers Trainer, eager attention, no dropout, like lengths together, the fast number format",
)

N_TAUGHT, N_TESTED, EPOCHS, RATE, MAX_LENGTH = 2_000, 1_000, 2, 3e-4, 64
"""What both learn from and are asked, and how both learn."""


def build_trainer(
    corpus: Corpus, *, best: bool, threads: int, max_length: int = EncoderConfig().max_length, **arguments: Any
) -> Callable[[], Any]:
    """A Trainer's whole run over documents, tokenized before.

    Args:
        corpus: The documents and their topics, of which there are 20.
        best: Whether as fast as it can be made to be; else as it comes.
        threads: Threads for matrix products.
        max_length: Tokens that are read of a document.
        **arguments: Others of ``TrainingArguments``.

    Returns:
        What trains, and returns what then classes texts.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer
    from transformers import TrainingArguments as Arguments

    folder = str(find_encoder(EncoderConfig()))
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def tokenized(texts: Sequence[str]) -> Any:
        return tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]

    ids = tokenized(corpus.texts)
    dataset = [{"input_ids": one, "labels": topic} for one, topic in zip(ids, corpus.topics.tolist(), strict=True)]
    plain: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0} if best else {}
    plain |= {"attn_implementation": "eager"} if best else {}
    sampling = {"train_sampling_strategy": "group_by_length"} if best else {}
    is_mixed = best and resolve_precision("auto", torch.device("cpu")) is torch.bfloat16

    def run() -> Callable[[Sequence[str]], np.ndarray]:
        torch.manual_seed(arguments.get("seed", 0))  # the new layer is drawn before the Trainer sets its own
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=20, **plain)
        with tempfile.TemporaryDirectory() as output:
            settings = Arguments(
                output_dir=output, per_device_train_batch_size=BATCH, save_strategy="no", report_to=[],
                disable_tqdm=True, use_cpu=True, logging_strategy="no", bf16=is_mixed, **sampling, **arguments,
            )  # fmt: skip
            trainer = Trainer(model, settings, train_dataset=dataset, data_collator=DataCollatorWithPadding(tokenizer))
            with threadpool_limits(limits=threads):
                trainer.train()

        def classed(texts: Sequence[str]) -> np.ndarray:
            found: np.ndarray = trainer.predict([{"input_ids": one} for one in tokenized(texts)]).predictions.argmax(-1)
            return found

        return classed

    return run


def accuracy_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Whether what is faster learns as much: fine-tuning all layers here and by the Trainer, which has dropout.

    Both see the same documents as often, in as large steps of the same size; 64 tokens of each, for time.

    Args:
        config: Rounds, which are seeds here; threads; scale.
        say: Is told of every seed.

    Returns:
        Both accuracies, and the difference in points, one a seed.
    """
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    corpus, test = newsgroups_corpora(taxonomy, headers="removed")
    random = np.random.default_rng(0)
    tested = test.take(random.permutation(len(test.texts))[: config.size(N_TESTED, least=50)])
    ours, theirs = [], []
    for seed in range(config.rounds):
        drawn = np.random.default_rng(seed).permutation(len(corpus.texts))[: config.size(N_TAUGHT, least=100)]
        taught = corpus.take(drawn)
        model = HierarchicalTextClassifier(
            taxonomy, lexical=None, tune="all", max_length=MAX_LENGTH, random_state=seed, device="cpu",
            head=HeadConfig(hidden=0, dropout=0.0, composition="flat"), validation_fraction=0.0,
            training=TrainingConfig(epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE, encoder_learning_rate=RATE,
                                    layer_decay=1.0, weight_decay=0.01, averaging=0.0, about_weight=0.0),
        )  # fmt: skip
        model.fit(taught.texts, [taxonomy.topics[topic] for topic in taught.topics])
        said = model.predict(tested.texts)
        ours.append(100 * float(np.mean(said == np.array(taxonomy.topics)[tested.topics])))
        run = build_trainer(
            taught, best=False, threads=config.threads, max_length=MAX_LENGTH, seed=seed,
            num_train_epochs=EPOCHS, learning_rate=RATE, warmup_steps=round(0.1 * EPOCHS * len(drawn) / BATCH),
            weight_decay=0.01,
        )  # fmt: skip
        theirs.append(100 * float((run()(tested.texts) == tested.topics).mean()))
        say(f"accuracy: seed {seed}: hiercls {ours[-1]:.1f} %, the Trainer {theirs[-1]:.1f} %")
    gains = [one - other for one, other in zip(ours, theirs, strict=True)]
    noise = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
    work = f"accuracy of fine-tuning all layers, {len(drawn):,} documents, {len(tested.texts):,} tested"
    against = "transformers Trainer, with its dropout, as many epochs and the same step size"
    note = f"{np.mean(gains):+.1f} on average, standard error {noise:.1f}; bar: two of these, at most 1, below 0"
    return [
        Row(work=work, against=against, values=gains, unit=" points", bar=-min(2 * noise, 1.0), note=note),
        Row(work=work, against="hiercls", values=ours, unit=" %"),
        Row(work=work, against=against, values=theirs, unit=" %"),
    ]
