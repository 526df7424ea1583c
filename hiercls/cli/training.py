"""The command that trains: everybody's labelled files in, one model folder out.

Knows options and how results are worded; training itself is the estimator's.
"""

from __future__ import annotations

import dataclasses
import math
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli.app import AsJson, aligned, counted, note, show
from hiercls.cli.documents import (
    Device,
    LabelledDocuments,
    Rejects,
    SkipBad,
    Skipping,
    device_of,
    is_first,
    one_voice,
    program,
    read_labelled,
    shows_progress,
    warnings_said,
)
from hiercls.cli.taxonomy import Customers, File, read_taxonomy
from hiercls.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.taxonomy import Taxonomy
    from hiercls.training.config import CheckpointConfig


class Truncation(StrEnum):
    """What is read of a document that is longer than the windows it may have."""

    head = "head"
    head_tail = "head-tail"


def _checked_tune(tune: str) -> str:
    """What of the encoder is trained, as it was typed, or wrong usage."""
    if not re.fullmatch(r"none|all|last-[1-9]\d*", tune):
        raise typer.BadParameter(f"expected none, all or last-N as in last-2, got {tune!r}")
    return tune


class Words(StrEnum):
    """Whether words are counted beside the encoder, or instead of it."""

    auto = "auto"
    on = "on"
    off = "off"
    only = "only"


Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA",
        help="Labelled documents: .csv, .tsv, .jsonl or .parquet files with the columns text, label and view.",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="The folder for the model.")]
Encoder = Annotated[
    str | None, typer.Option(help="A BERT-like encoder: a folder, or a name on the hub; by default all-MiniLM-L6-v2.")
]
Tune = Annotated[
    str,
    typer.Option(
        metavar="[none|last-N|all]",
        callback=_checked_tune,
        help="What of the encoder is trained. none: nothing; encodings are cached, training takes minutes. last-N: its "
        "last N layers (last-1, last-2); the lower ones run once, an epoch costs N/6 of all's for the default "
        "encoder. all: everything; the slowest, best on a GPU.",
    ),
]
MaxLength = Annotated[
    int | None, typer.Option(min=3, max=512, help="Tokens in a window of a document; by default 256.")
]
WindowsOption = Annotated[
    int | None, typer.Option("--windows", min=1, help="Windows read of a long document at most; by default 1.")
]
TruncationOption = Annotated[
    Truncation | None,
    typer.Option(
        "--truncation", help="What is read of a longer one: its beginning, or half of it its end; by default head."
    ),
]
WordsOption = Annotated[
    Words,
    typer.Option(
        help="Count words beside the encoder: auto: where held-out labels are likelier with them; on; off. "
        "only: words instead of an encoder, a model that trains in seconds."
    ),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings in YAML, where no option says otherwise."),
]
Track = Annotated[
    list[str] | None,
    typer.Option(metavar="TRACKER", help="Log each epoch to tensorboard, mlflow or wandb, such as tensorboard=runs."),
]
Multilabel = Annotated[
    bool, typer.Option("--multilabel", help="A document may have several classes of a view, or none.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Passes over the documents at most; by default by their number.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of everything random; by default 0.")]
Checkpoints = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Keep the training there once a minute while it goes on.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from the checkpoints as if it had never stopped; begin where none are.")
]

ShardWeights = Annotated[
    bool,
    typer.Option("--shard-weights", help="Processes hold a part of the weights and moments each."),
]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls train taxonomies/tiny.yaml one.csv two.jsonl -o model")(train)


def train(
    taxonomy: File,
    data: Data,
    output: Output,
    customer: Customers = None,
    multilabel: Multilabel = False,
    encoder: Encoder = None,
    tune: Tune = "none",
    words: WordsOption = Words.auto,
    max_length: MaxLength = None,
    windows: WindowsOption = None,
    truncation: TruncationOption = None,
    epochs: Epochs = None,
    seed: Seed = None,
    settings: SettingsFile = None,
    track: Track = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
    checkpoints: Checkpoints = None,
    resume: Resume = False,
    shard_weights: ShardWeights = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train one model on everybody's labelled documents, each labelled in the classes of its own customer or level.

    A row's label is a class of its view, or written view:class.
    With --multilabel a row lists all its classes in label, in JSONL or Parquet, unless complete is false.
    All bad rows of all files are listed before anything is trained.
    On several processes or machines: accelerate launch -m hiercls train ...
    """
    if resume and checkpoints is None:
        raise typer.BadParameter("--resume goes on from --checkpoints FOLDER: give both")
    skipping = Skipping.of(skip_bad, rejects, default=output.with_name(f"{output.name}.rejects.jsonl"))
    reads = {"encoder": encoder, "windows": windows, "truncation": truncation and truncation.value}
    reading, filed = _reading(reads, words), _filed(settings)
    with one_voice():
        _make_room(output, force=force)
        multilabel = multilabel or filed.get("task") == "multilabel"
        whole = read_taxonomy(taxonomy, customer)
        documents = read_labelled(whole, data, skipping=skipping, multilabel=multilabel)
        given = {"max_length": max_length, "random_state": seed, "device": device_of(device)}
        given |= {"tune": None if tune == "none" else tune, "task": "multilabel" if multilabel else None}
        said = reading | {name: value for name, value in given.items() if value is not None}
        asked = {"epochs": epochs, "checkpoints": _kept(checkpoints, resume=resume), "shard_weights": shard_weights}
        _fit(_untrained(whole, said, filed, asked), documents, output, track or [], as_json=as_json)


def _reading(options: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """The settings that say what is read of a text; the encoder's as plain data, before torch is there."""
    given = {name: value for name, value in options.items() if value is not None}
    if words is Words.only:
        if given:
            shown = " ".join(f"--{name} {value}" for name, value in given.items())
            raise ConfigError(f"--words only reads no encoder, got {shown}; give one of the two")
        return {"encoder": None}
    lexical = {} if words is Words.auto else {"lexical": words is Words.on}
    return {**lexical, "encoder": {"name" if name == "encoder" else name: value for name, value in given.items()}}


def _make_room(output: Path, *, force: bool) -> None:
    """Find out before training, not after it, that a model cannot be written."""
    from hiercls.training.saving import check_replaceable

    if output.exists():
        check_replaceable(output)
        if not force and any(output.iterdir()):
            raise ConfigError(f"there is a model in '{output}' already; --force replaces it")
    output.parent.mkdir(parents=True, exist_ok=True)


def _filed(settings: Path | None) -> dict[str, Any]:
    """The settings in a file."""
    if settings is None:
        return {}
    from hiercls.estimator.settings import read_settings

    return read_settings(settings)


def _kept(checkpoints: Path | None, *, resume: bool) -> CheckpointConfig | None:
    """Where the training is kept while it goes on; said where it goes on itself."""
    if checkpoints is None:
        return None
    from hiercls.training.checkpoint_folder import is_begun
    from hiercls.training.config import CheckpointConfig

    if resume and is_begun(checkpoints):
        note(f"going on from the checkpoints in '{checkpoints}'")
    return CheckpointConfig(folder=checkpoints, resume=resume)


def _untrained(
    taxonomy: Taxonomy,
    settings: Mapping[str, Any],
    filed: Mapping[str, Any],
    asked: Mapping[str, Any],
) -> HierarchicalTextClassifier:
    """An estimator with settings that were given, its training's too; else those of a file, or its own defaults."""
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.model.encoder import EncoderConfig
    from hiercls.training.config import TrainingConfig

    reads, training = settings["encoder"], filed.get("training") or TrainingConfig()
    named = {**filed, **settings, "encoder": None if reads is None else EncoderConfig(**reads)}
    if not reads and reads is not None and "encoder" in filed:
        named["encoder"] = filed["encoder"]
    given = {name: value for name, value in asked.items() if value}
    named["training"] = dataclasses.replace(training, **given)
    return HierarchicalTextClassifier(taxonomy, verbose=shows_progress(), **named)


def _fit(
    classifier: HierarchicalTextClassifier,
    documents: LabelledDocuments,
    output: Path,
    track: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Train, save the model and say what it is; where training had to stop, keep what there is beside its place."""
    from hiercls.training.trackers import tracker
    from hiercls.training.watching import watched

    if not as_json:
        typer.echo("\n".join(_documents_table(documents)))
    note(f"training on {counted(len(documents.rows), 'document')}")
    watchers = [tracker(asked) for asked in track] if is_first() else []
    try:
        with warnings_said(), watched(*watchers):
            classifier.fit_rows(documents.rows)
    except TrainingError as error:
        if error.kept is not None and is_first():
            stopped = output.with_name(f"{output.name}.stopped")
            classifier.save_pretrained(stopped)
            note(f"the last good weights are in '{stopped}'")
        raise
    if is_first():
        classifier.save_pretrained(output)
        found = _found(classifier, documents, output)
        show(found, _result(found), as_json=as_json)
        engine = classifier.scorer_.engine
        if engine is not None and engine.runtime.cost is not None:
            note(engine.runtime.cost)


def _counts(documents: LabelledDocuments) -> list[tuple[str, str, int]]:
    """How many documents each customer brings, by the views that they are labelled at."""
    views = [", ".join(sorted(views)) for views in documents.labels.views]
    counts = Counter((row.customer or "", view) for row, view in zip(documents.rows, views, strict=True))
    return [(customer, view, number) for (customer, view), number in sorted(counts.items())]


def _documents_table(documents: LabelledDocuments) -> list[str]:
    """The same as a table."""
    counts = _counts(documents)
    named = any(customer for customer, _, _ in counts)
    head = ("customer", "labelled at", "documents")
    rows: list[tuple[str, ...]] = [(customer or "–", view, f"{number:,}") for customer, view, number in counts]
    table: list[tuple[str, ...]] = [head, *rows] if named else [row[1:] for row in (head, *rows)]
    n_empty = sum(not row.text.strip() for row in documents.rows)
    return [*aligned(table), *([f"{counted(n_empty, 'document')} without text"] if n_empty else [])]


def _found(classifier: HierarchicalTextClassifier, documents: LabelledDocuments, output: Path) -> dict[str, Any]:
    """What was trained, and where it is."""
    chosen = None
    for best in classifier.trials_[:1]:
        if not math.isnan(best.run.best_heldout):
            heldout = best.run.best_heldout
            chosen = {"l2": best.config.weight_decay, "epochs": best.run.best_epoch, "heldout_loss": heldout}
    branch, taxonomy = classifier.scorer_.lexical, classifier.taxonomy_
    return {
        "model": str(output),
        "n_bytes": sum(file.stat().st_size for file in output.rglob("*") if file.is_file()),
        "documents": [
            {"customer": customer or None, "labelled_at": view, "n_documents": number}
            for customer, view, number in _counts(documents)
        ],
        "chosen": chosen,
        "threshold": getattr(classifier.scorer_.task, "threshold", None),
        "n_terms": None if branch is None else len(branch.terms),
        "views": [*taxonomy.customers, *reversed(taxonomy.levels)],
    }


def _result(found: Mapping[str, Any]) -> list[str]:
    """The same in words, and what to type next."""
    lines, chosen = [], found["chosen"]
    if chosen is not None:
        said = f"L2 {chosen['l2']:g}, {counted(chosen['epochs'], 'epoch')}"
        lines.append(f"chosen on held-out labels: {said} (loss {chosen['heldout_loss']:.3f} nats a document)")
    if found["threshold"] is not None:
        lines.append(f"a class is predicted from a probability of {found['threshold']:.2f}")
    if found["n_terms"] is not None:
        lines.append(f"words are read: {found['n_terms']:,} terms")
    views = [shlex.quote(name) for name in found["views"]]
    return [
        *lines,
        f"the model is in '{found['model']}' ({found['n_bytes'] / 1e6:.1f} MB)",
        f"next: {program()} predict {shlex.quote(found['model'])} FILE --at {views[0]}",
        f"--at takes {', '.join(views)}",
    ]
