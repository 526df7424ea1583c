"""What the ablation compares: one change at a time, as a plain list to be added to.

Knows settings of the estimator; knows no document and no figure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hiercls.model.encoder import EncoderConfig
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.training.config import TrainingConfig

DEFAULT, FROZEN = "cascade (default)", "the encoder frozen, 128 tokens read"
"""The rows that others are compared with: all, and those that train the encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row of the ablation.

    Args:
        name: What is changed.
        group: What it is a variant of.
        changes: Settings of ``HierarchicalTextClassifier`` that differ from ``BASE``.
        against: The row that it is compared with.
    """

    name: str
    group: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    against: str = DEFAULT

    @property
    def settings(self) -> dict[str, Any]:
        """All settings of the estimator beside taxonomy and seed."""
        return {**BASE, **self.changes}

    @property
    def plain(self) -> dict[str, Any]:
        """The changes as JSON has them."""
        return {name: _plain(value) for name, value in self.changes.items()}


def _plain(value: Any) -> Any:
    """A setting as JSON has it: of a configuration, its kind and what differs from its defaults."""
    if not dataclasses.is_dataclass(value):
        return value
    given = {field.name: (getattr(value, field.name), field.default) for field in dataclasses.fields(value)}
    return {"kind": type(value).__name__, **{name: own for name, (own, default) in given.items() if own != default}}


L2 = 3.0
"""What held-out labels choose nearly always, here given to all rows: that takes a third of the time."""


def _training(**settings: Any) -> TrainingConfig:
    """How a row is trained; what the taxonomy says about its topics is read by none."""
    return TrainingConfig(**{"weight_decay": L2, "about_weight": 0.0, **settings})


BASE: Mapping[str, Any] = {"lexical": False, "training": _training(), "precision": "float32"}
"""What every row begins with: the frozen encoder alone, labels alone, in the number format that is the same on every
machine; all else is the library's default."""

CHOSEN = {"training": _training(weight_decay=None)}
"""For linear heads, which are regularised by nothing else: held-out labels choose their L2 among the usual three."""

TOPICS_ALONE = [0.0, 0.0, 1.0]
"""Level weights under which the topics' loss is all there is."""


def _head(name: str, *, group: str = "cascade", level_weights: list[float] | None = None, **head: Any) -> Variant:
    """A row whose heads are built otherwise."""
    changes: dict[str, Any] = {"head": HeadConfig(**head)} if head else {}
    changes |= {"level_weights": level_weights} if level_weights else {}
    return Variant(name=name, group=group, changes=changes | (CHOSEN if head.get("hidden") == 0 else {}))


def _forcing(name: str, **training: Any) -> Variant:
    """A row with teacher forcing."""
    return Variant(name=name, group="teacher forcing", changes={"training": _training(**training)})


def _hiagm(name: str, **settings: Any) -> Variant:
    """A row with HiAGM as the head."""
    return Variant(name=name, group="HiAGM", changes={"head": HiagmConfig(node_width=32, **settings)})


def _tuned(name: str, *, tune: str = "last-1", encoder: EncoderConfig | None = None, **training: Any) -> Variant:
    """A row whose encoder is trained too, for two epochs; the heads have the L2 that is the default there."""
    changes = {
        "tune": tune,
        "max_length": 128,
        "training": _training(**{"weight_decay": None, "epochs": 2, **training}),
    }
    if encoder is not None:
        changes["encoder"] = encoder
    return Variant(name=name, group="fine-tuning", changes=changes, against=FROZEN)


def _regularised(name: str, **training: Any) -> Variant:
    """A row whose heads are regularised otherwise."""
    return Variant(name=name, group="regularisation", changes={"training": _training(**training)})


def _read(name: str, **reading: Any) -> Variant:
    """A row that pools otherwise, or reads other parts of a document."""
    return Variant(name=name, group="reading", changes={"encoder": EncoderConfig(**reading)})


CASCADE = (
    _head(DEFAULT),
    _head("flat: one head, the topics' loss alone", composition="flat", level_weights=TOPICS_ALONE),
    _head("flat: one head, losses of the levels' sums too", composition="flat"),
    _head("nothing fed to the next level", feed="none"),
    _head("raw logits fed", feed="logits"),
    _head("probabilities fed", feed="probabilities"),
    _head("linear heads, no dropout, L2 chosen", hidden=0, dropout=0.0),
    _head("upper levels weighted .3", level_weights=[0.3, 0.3, 1.0]),
    _head("upper levels not taught, but fed", level_weights=TOPICS_ALONE),
    _forcing("always, all the time", teacher_forcing=1.0, teacher_forcing_schedule="constant"),
    _forcing("every other document, all the time", teacher_forcing=0.5, teacher_forcing_schedule="constant"),
    _forcing("always at first, falling to none at half of the steps", teacher_forcing=1.0),
    _head("product of conditionals down the path", group="path", composition="path"),
    _head("the same, nothing fed", group="path", composition="path", feed="none"),
    _head("topics, τ = 1 (Menon et al.)", group="logit adjustment", logit_adjustment=1.0),
    _head("topics, τ = ½", group="logit adjustment", logit_adjustment=0.5),
    _head("down the path, τ = 1", group="logit adjustment", composition="path", logit_adjustment=1.0),
    _head(
        "down the path, τ = 1, nothing fed, the topics' loss alone (Plaud et al.)",
        group="logit adjustment",
        composition="path",
        feed="none",
        logit_adjustment=1.0,
        level_weights=TOPICS_ALONE,
    ),
)
"""Cascades on a frozen encoder, whose encodings are cached: seconds a run."""

HIAGM = (
    _hiagm("label attention, GCN", form="label_attention"),
    _hiagm("label attention, TreeLSTM", form="label_attention", structure="tree_lstm"),
    _hiagm("label attention, GCN, no recursive regularisation", form="label_attention", recursive_regularization=0.0),
    _hiagm("label attention, GCN, recursive regularisation .01", form="label_attention", recursive_regularization=0.01),
    _hiagm("text propagation, GCN"),
    _hiagm("text propagation, TreeLSTM", structure="tree_lstm"),
)
"""HiAGM on the same encodings."""

REGULARISATION = (
    _head("no dropout", group="regularisation", dropout=0.0),
    _head("dropout .4", group="regularisation", dropout=0.4),
    _regularised("no L2", weight_decay=0.0),
    _regularised("L2 of 1", weight_decay=1.0),
    _regularised("L2 of 9", weight_decay=9.0),
    _regularised("L1 of 1e-5 beside it", l1=1e-5),
    _regularised("L1 of 1e-4 beside it", l1=1e-4),
    _regularised("label smoothing .1", label_smoothing=0.1),
    _regularised("the weights' average over a tenth of the steps", averaging=0.1),
    _regularised("stopped after a twentieth of the epochs without gain", patience=0.05),
    _regularised("never stopped early, the best epoch kept", patience=1.0),
    Variant(name="nothing held out, the last epoch kept", group="regularisation", changes={"validation_fraction": 0.0}),
)
"""What holds the heads back, on the same encodings."""

READING = (
    _read("the first token's state", pooling="cls"),
    _read("half of a long document's window its end", truncation="head-tail"),
    _read("two windows", windows=2),
    _read("two windows, the last of a long document's its end", windows=2, truncation="head-tail"),
    _read("512 tokens", max_length=512),
)
"""What is read of a document, and how it is pooled: all must be encoded anew, minutes a row."""

WORDS = (
    Variant(name="words beside the encoder", group="words", changes={"lexical": True}),
    Variant(name="words alone", group="words", changes={"lexical": True, "encoder": None}),
)
"""The lexical branch."""

FINE_TUNING = (
    Variant(name=FROZEN, group="fine-tuning", changes={"max_length": 128}, against=FROZEN),
    _tuned("the last layer"),
    _tuned("the last two layers", tune="last-2"),
    _tuned("all layers", tune="all"),
    _tuned("all layers, one step size for all", tune="all", layer_decay=1.0),
    _tuned("the last layer, no L2 on it", encoder_weight_decay=0.0),
    _tuned("the last layer, L2 of .1 on it", encoder_weight_decay=0.1),
    _tuned("the last layer, label smoothing .1", label_smoothing=0.1),
    _tuned("the last layer, R-Drop, α = 1", r_drop=1.0),
    _tuned("the last layer, dropout .1 in it", encoder_dropout=0.1),
    _tuned("the last layer, no average of the weights", averaging=0.0),
    _tuned("the last layer, pooled by attention", encoder=EncoderConfig(pooling="attention")),
    _tuned("the last layer, the first token's state", encoder=EncoderConfig(pooling="cls")),
    _tuned("the last layer, four epochs", epochs=4),
)
"""Recipes that train the encoder: minutes a run."""

PRECISION = (Variant(name="the encoder in bfloat16", group="precision", changes={"precision": "bfloat16"}),)
"""Another number format: where the hardware does not compute it, encoding takes long."""

VARIANTS: Mapping[str, tuple[Variant, ...]] = {
    "cascade": CASCADE,
    "hiagm": HIAGM,
    "regularisation": REGULARISATION,
    "reading": READING,
    "words": WORDS,
    "tuning": FINE_TUNING,
    "precision": PRECISION,
    "adjustment": (CASCADE[0], *(one for one in CASCADE if one.group == "logit adjustment")),
}
"""All rows, by what a run of them takes."""

NAMES = tuple(dict.fromkeys(one.name for rows in VARIANTS.values() for one in rows))
"""The names of all rows, in the order of the tables."""
