"""The estimator as a folder, and back.

Knows which settings make a model what it is; the files themselves are written in ``training/saving``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiercls import extension
from hiercls.calibration import Calibration
from hiercls.errors import ModelFolderError
from hiercls.estimator import promises
from hiercls.estimator.promises import HeldOut
from hiercls.estimator.tasks import name_of, task_of
from hiercls.extension import Extension
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.head import Head
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.lexical import LexicalBranch
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.novelty import Novelty, TopicDensity
from hiercls.model.task import Task
from hiercls.model.terms import LexicalConfig, Terms
from hiercls.scoring import Scorer, TopicMix
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig
from hiercls.training.saving import ENCODER, SavedModel, read_model, write_model

_NOT_SAVED = ("taxonomy", "device", "random_state", "head", "training", "lexical")
_HEADS: dict[str, Any] = {"cascade": HeadConfig, "hiagm": HiagmConfig}
_LEXICAL = "lexical."
"""What the names of the lexical branch's tensors begin with; the head's are bare, as in folders without a branch."""
_NOVELTY = "novelty."
"""What the names of those begin with that tell what is new."""
_FILING = "filing."
"""What the names of those begin with that tell how customers file their topics: then comes the customer."""


def save(classifier: Any, path: Path) -> None:
    """Write a trained estimator to a folder.

    Args:
        classifier: A trained estimator.
        path: The folder.
    """
    scorer: Scorer = classifier.scorer_
    head, engine, branch = scorer.head, scorer.engine, scorer.lexical
    encoder = _encoder_name(classifier)
    params = {name: value for name, value in classifier.get_params(deep=False).items() if name not in _NOT_SAVED}
    params["task"] = name_of(scorer.task)
    settings: dict[str, Any] = {
        "hiercls": _version(),
        "params": {**{name: _plain(value) for name, value in params.items()}, "encoder": encoder},
        "reads": None if engine is None else _reads(engine.encoder.config),
        "encoder_beside": None if encoder is None else _beside(encoder, path),
        "head": None if head is None else _plain_head(head),
        "training": None if classifier.training is None else _plain_training(classifier.training),
        "random_state": int(classifier.random_state) if isinstance(classifier.random_state, Integral) else None,
        "width": None if engine is None else engine.encoder.width,
        "encoder_sha256": None if engine is None else engine.encoder.fingerprint,
        "lexical": _plain_lexical(classifier.lexical),
        "max_words": None if branch is None else branch.terms.max_words,
        "pooled_mix": scorer.mix.pooled.tolist(),
        "threshold": scorer.task.threshold if isinstance(scorer.task, SeveralTopics) else None,
        "customer_mixes": {name: mix.tolist() for name, mix in scorer.mix.customers.items()},
        "mix_adjustment": scorer.mix.adjustment,
        "calibration": None if scorer.calibration is None else scorer.calibration.to_dict(),
        "extensions": [one.to_dict() for one in scorer.extensions],
        "heldout": None if classifier.heldout_ is None else classifier.heldout_.names,
    }
    model = SavedModel(
        settings=settings,
        weights={
            **({} if head is None else head.state_dict()),
            **_tensors(branch),
            **_novelty_tensors(scorer.novelty),
            **_changed(scorer),
            **({} if classifier.heldout_ is None else classifier.heldout_.to_tensors()),
        },
        taxonomy=classifier.taxonomy_.to_yaml(),
        vocabulary=None if branch is None else branch.terms.names,
    )
    trained = engine.encoder if engine is not None and classifier.tune != "none" else None
    write_model(path, model, write_encoder=None if trained is None else trained.save)


def load(cls: Any, path: Path, *, device: str | torch.device | None) -> Any:
    """Read a trained estimator from a folder.

    Args:
        cls: The estimator's class.
        path: The folder.
        device: Where to compute.

    Returns:
        The trained estimator.

    Raises:
        ModelFolderError: If the folder is not whole, or its encoder is not the one it was trained with.
    """
    saved = read_model(path)
    settings = saved.settings
    try:
        task = _task(settings)
        classifier, head = _rebuild(cls, saved, device, task)
        n_topics, n_trained = len(classifier.taxonomy_.topics), len(_trained_on(saved).topics)
        mix = _mix(settings, n_topics=n_topics)
        calibration = _calibration(settings, n_topics=n_topics)
        branch = _branch(saved, n_topics=n_trained)
        parts: dict[str, Any] = {
            "lexical": branch,
            "calibration": calibration,
            "novelty": _novelty(saved, n_topics=n_trained),
            "task": task,
            "filings": _filings(saved, classifier.taxonomy_),
            "extensions": _extensions(saved),
        }
        classifier.heldout_ = HeldOut.from_tensors(saved.weights, names=settings.get("heldout"), n_topics=n_topics)
        fingerprint = settings["encoder_sha256"] if classifier.tune == "none" else None
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise ModelFolderError(f"{path} is no whole model: {type(error).__name__}: {error}; save it again") from error
    if head is None:
        classifier.scorer_ = Scorer(mix=mix, **parts)
        return classifier
    found = _found(classifier.encoder, settings.get("encoder_beside"), path)
    classifier.encoder = _encoder_setting(
        found, settings.get("reads", _earlier_pooling(settings)), classifier.max_length
    )
    wanted = classifier.encoder_config()
    name = wanted.name if classifier.tune == "none" else str(path / ENCODER)
    encoder = load_encoder(dataclasses.replace(wanted, name=name), fingerprint=fingerprint)
    engine = classifier.engine_config().build(encoder)
    classifier.scorer_ = Scorer(mix=mix, head=head, engine=engine, **parts)
    return classifier


def _encoder_name(classifier: Any) -> str | None:
    """The encoder's name or folder: the one that encodes where it is frozen, else the one that training began with."""
    engine = classifier.scorer_.engine
    if engine is None:
        return None
    begun = classifier.tune != "none" and classifier.encoder is not None
    name: str = classifier.encoder_config().name if begun else engine.encoder.config.name
    return name


def _reads(config: EncoderConfig) -> dict[str, Any]:
    """What an encoder reads of a text, and how it pools: its settings but the name."""
    return {name: value for name, value in dataclasses.asdict(config).items() if name != "name"}


def _encoder_setting(name: str, reads: Mapping[str, Any] | None, max_length: int | None) -> EncoderConfig | str:
    """The estimator's ``encoder``: a name where that and ``max_length`` say all, else a config."""
    plain = EncoderConfig(name=name) if max_length is None else EncoderConfig(name=name, max_length=max_length)
    given = plain if reads is None else EncoderConfig(name=name, **reads)
    return name if given == plain else given


def _beside(encoder: str, model: Path) -> str | None:
    """The way from a model's folder to its encoder's, for both to be moved together; none for a name on the hub."""
    try:
        return os.path.relpath(encoder, model.resolve()) if os.path.isabs(encoder) else None
    except ValueError:  # on another drive
        return None


def _found(encoder: str, beside: Any, model: Path) -> str:
    """An encoder's folder: where it was when the model was saved, else where it stands if both were moved."""
    if isinstance(beside, str) and not os.path.isdir(encoder) and (model / beside).is_dir():
        return str((model / beside).resolve())
    return encoder


def _tensors(branch: LexicalBranch | None) -> dict[str, torch.Tensor]:
    """The numbers of a lexical branch, by name."""
    if branch is None:
        return {}
    numbers = {
        "term_weights": branch.term_weights,
        "encoding_weights": branch.encoding_weights,
        "idf": branch.terms.idf,
        "scale": np.array(branch.scale, dtype=np.float32),
        "bias": branch.bias,
    }
    return {f"{_LEXICAL}{name}": torch.from_numpy(value) for name, value in numbers.items()}


def _branch(saved: SavedModel, *, n_topics: int) -> LexicalBranch | None:
    """The saved lexical branch, its parts of matching sizes."""
    if saved.vocabulary is None:
        return None
    names = ("term_weights", "encoding_weights", "idf", "scale")
    term_weights, encoding_weights, idf, scale = (saved.weights[f"{_LEXICAL}{name}"].numpy() for name in names)
    n_terms, width = len(set(saved.vocabulary)), saved.settings["width"]
    bias = saved.weights.get(f"{_LEXICAL}bias", torch.zeros(n_topics)).numpy()  # older folders have none
    fits = term_weights.shape == (n_terms, n_topics) and idf.shape == (n_terms,) and scale.shape == ()
    if not fits or bias.shape != (n_topics,) or encoding_weights.shape not in {(0, n_topics), (width, n_topics)}:
        raise ValueError(
            f"expected weights of {n_terms} different terms and of encodings for {n_topics} topics, and one scale"
        )
    max_words = LexicalConfig(max_words=saved.settings["max_words"]).max_words
    terms = Terms(names=tuple(saved.vocabulary), idf=idf, max_words=max_words)
    return LexicalBranch(
        terms=terms, term_weights=term_weights, encoding_weights=encoding_weights, scale=float(scale), bias=bias
    )


def _novelty_tensors(novelty: Novelty) -> dict[str, torch.Tensor]:
    """The numbers that tell what is new, by name."""
    density = {} if novelty.density is None else dataclasses.asdict(novelty.density)
    numbers = density if novelty.heldout is None else {**density, "heldout": novelty.heldout}
    return {f"{_NOVELTY}{name}": torch.from_numpy(value) for name, value in numbers.items()}


def _novelty(saved: SavedModel, *, n_topics: int) -> Novelty:
    """The saved numbers that tell what is new, of matching sizes; folders from before there were any have none."""
    found = {name: value.numpy() for name, value in saved.weights.items() if name.startswith(_NOVELTY)}
    numbers = {name.removeprefix(_NOVELTY): value for name, value in found.items()}
    heldout, density = numbers.pop("heldout", None), None
    if numbers:
        density, width = TopicDensity(**numbers), saved.settings["width"]
        shapes = {"centre": (width,), "projection": (width, width), "means": (n_topics, width), "spread": (width,)}
        if any(numbers[name].shape != shape for name, shape in shapes.items()):
            raise ValueError(f"expected densities of {n_topics} topics and width {width}")
    return Novelty(density=density, heldout=heldout)


def _changed(scorer: Scorer) -> dict[str, torch.Tensor]:
    """What was changed after training, by name: how customers file, and extensions."""
    filings = {f"{_FILING}{name}": torch.from_numpy(found) for name, found in scorer.filings.items()}
    parts = [one.to_tensors(place) for place, one in enumerate(scorer.extensions)]
    return {**filings, **{name: part for one in parts for name, part in one.items()}}


def _filings(saved: SavedModel, taxonomy: Taxonomy) -> dict[str, np.ndarray]:
    """How customers who were adapted to file their topics, of matching sizes; older folders have none."""
    found = {
        name.removeprefix(_FILING): value.numpy() for name, value in saved.weights.items() if name.startswith(_FILING)
    }
    for name, filing in found.items():
        if filing.shape != taxonomy.view(name).membership.shape:
            raise ValueError(f"expected the filing of '{name}' to have the shape of its classes")
    return found


def _extensions(saved: SavedModel) -> tuple[Extension, ...]:
    """The saved extensions; older folders have none."""
    plain = saved.settings.get("extensions", [])
    return tuple(Extension.load(data, saved.weights, place=place) for place, data in enumerate(plain))


def _trained_on(saved: SavedModel) -> Taxonomy:
    """The map that the heads were trained for: the one before all extensions."""
    extensions = saved.settings.get("extensions") or [{"before": saved.taxonomy}]
    return Taxonomy.from_yaml(extensions[0]["before"])


def _plain_lexical(setting: LexicalConfig | bool | None) -> dict[str, Any] | bool | None:
    """The estimator's ``lexical`` as JSON has it."""
    return dataclasses.asdict(setting) if isinstance(setting, LexicalConfig) else setting


def _mix(settings: Mapping[str, Any], *, n_topics: int) -> TopicMix:
    """The saved mixes of topics, each of the right size."""
    pooled = np.array(settings["pooled_mix"], dtype=float)
    mixes = {name: np.array(mix, dtype=float) for name, mix in settings["customer_mixes"].items()}
    if any(mix.shape != (n_topics,) for mix in (pooled, *mixes.values())):
        raise ValueError(f"expected mixes of {n_topics} topics")
    return TopicMix(pooled=pooled, customers=mixes, adjustment=settings.get("mix_adjustment", 0.0))


def _calibration(settings: Mapping[str, Any], *, n_topics: int) -> Calibration | None:
    """The saved calibration; folders from before there was any have none."""
    saved = settings.get("calibration")
    return None if saved is None else Calibration.from_dict(saved, n_topics=n_topics)


def with_customers(scorer: Scorer, mixes: Mapping[str, np.ndarray]) -> Scorer:
    """The same scorer with other mixes of topics of the customers.

    Args:
        scorer: A scorer.
        mixes: π_c by customer.

    Returns:
        The scorer with them.
    """
    return dataclasses.replace(scorer, mix=dataclasses.replace(scorer.mix, customers=mixes))


def _task(settings: Mapping[str, Any]) -> Task:
    """The saved task; folders from before there were two have one topic a document."""
    threshold = settings.get("threshold")
    return task_of(settings["params"].get("task", "multiclass"), threshold=0.5 if threshold is None else threshold)


def _rebuild(cls: Any, saved: SavedModel, device: str | torch.device | None, task: Task) -> tuple[Any, Head | None]:
    """The estimator and its head, without encoder; there is no head where there is no encoder."""
    settings = saved.settings
    taxonomy = Taxonomy.from_yaml(saved.taxonomy)
    head_settings = settings["head"]
    lexical = settings.get("lexical", False)
    classifier = cls(
        taxonomy,
        head=None if head_settings is None else _head_config(head_settings),
        lexical=LexicalConfig(**lexical) if isinstance(lexical, dict) else lexical,
        training=_training(settings["training"]),
        random_state=settings["random_state"],
        device=device,
        **{name: value for name, value in settings["params"].items() if name != "pooling"},  # of the encoder since
    )
    classifier.taxonomy_ = taxonomy
    classifier.trials_ = ()
    if classifier.encoder is None:
        return classifier, None
    others = (_LEXICAL, _NOVELTY, _FILING, extension.NAME, promises.NAME)
    weights = {name: value for name, value in saved.weights.items() if not name.startswith(others)}
    build = partial(classifier.head.build, settings["width"], _trained_on(saved), task=task)
    with torch.device("meta"):  # sizes alone, so that settings cannot ask for more memory than the weights have
        build().load_state_dict(weights, assign=True)
    head = build()
    head.load_state_dict(weights)
    return classifier, head.eval()


def _plain_training(config: TrainingConfig) -> dict[str, Any]:
    """How training went as plain data; where it was kept meanwhile, and held, is no part of a model."""
    settings = dataclasses.asdict(config)
    for name in ("checkpoints", "shard_weights", "activation_checkpointing"):
        del settings[name]
    return settings


def _training(settings: Mapping[str, Any] | None) -> TrainingConfig | None:
    """The settings of the training; in the first folders patience is a number of epochs, and not their share."""
    if settings is None or settings.get("patience", 0) <= 1:
        return None if settings is None else TrainingConfig(**settings)
    return TrainingConfig(**{**settings, "patience": min(1.0, settings["patience"] / settings["epochs"])})


def _earlier_pooling(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an encoder reads, in folders from before it was a setting of the encoder; None: the defaults."""
    pooling, max_length = (settings["params"].get(name) for name in ("pooling", "max_length"))
    reads = {"pooling": pooling, "max_length": max_length}
    return None if pooling in (None, "mean") else {name: value for name, value in reads.items() if value is not None}


def _plain_head(head: Head) -> dict[str, Any]:
    """A head's settings as JSON has them, with the kind of head."""
    config: Any = head.config
    kind = next(name for name, settings in _HEADS.items() if isinstance(config, settings))
    return {"kind": kind, **dataclasses.asdict(config)}


def _head_config(settings: Mapping[str, Any]) -> Any:
    """The settings of a head; in folders that name no kind it is the cascade."""
    given = dict(settings)
    return _HEADS[given.pop("kind", "cascade")](**given)


def _plain(value: Any) -> Any:
    """A setting as JSON has it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _version() -> str:
    """The installed version of hiercls."""
    try:
        return version("hiercls")
    except PackageNotFoundError:
        return "unknown"
