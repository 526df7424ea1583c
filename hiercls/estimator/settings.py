"""The estimator's settings as a YAML file: every problem at once, with its place and the nearest legal key.

Knows settings and YAML; knows no data and no training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from hiercls.encoding.precision import Precision
from hiercls.errors import ConfigError, SettingsError
from hiercls.estimator.tasks import TaskName
from hiercls.model.encoder import EncoderConfig
from hiercls.model.heads import HeadConfig
from hiercls.model.terms import LexicalConfig
from hiercls.taxonomy.document import Document
from hiercls.taxonomy.reading import read_document
from hiercls.taxonomy.shape import described
from hiercls.training.config import TrainingConfig

SECTIONS: dict[str, Any] = {
    "encoder": EncoderConfig,
    "head": HeadConfig,
    "lexical": LexicalConfig,
    "training": TrainingConfig,
}
"""The keys that hold mappings of their own."""

KEYS: dict[str, Any] = {
    "encoder": str | None,
    "lexical": bool | None,
    "tune": str,
    "max_length": int | None,
    "precision": Precision,
    "task": TaskName,
    "level_weights": list[float] | None,
    "customer_weights": dict[str, float] | None,
    "priors": dict[str, dict[str, float]] | None,
    "validation_fraction": float,
    "random_state": int,
}
"""The other keys and their types; ``encoder`` and ``lexical`` may be either."""


def read_settings(source: str | Path | Mapping[str, object]) -> dict[str, Any]:
    """The settings of an estimator in a YAML file.

    Args:
        source: The file's path, the YAML text, or a mapping of plain data.

    Returns:
        Keyword arguments of ``HierarchicalTextClassifier``.

    Raises:
        SettingsError: If anything is wrong with it; all problems at once.

    Example:
        >>> read_settings("head: {hidden: 0, dropout: 0.1}")["head"].hidden
        0
        >>> read_settings("training: {epoch: 3}")
        Traceback (most recent call last):
        ...
        hiercls.errors.SettingsError: 1 problem in the settings:
          line:1:12: at training.epoch: unknown key 'epoch'; did you mean 'epochs'?
    """
    document = read_document(source)
    data, settings = document.data, {}
    if isinstance(data, dict):
        for key, value in data.items():
            settings[key] = _setting(document, key, value)
    elif not document.problems:
        document.add((), f"expected a mapping of settings, got {described(document, (), data)}")
    if document.problems:
        raise SettingsError(document.sorted_problems(), subject=document.file or "the settings")
    return settings


def settings_yaml(settings: Mapping[str, Any]) -> str:
    """Settings as a file that ``read_settings`` reads.

    Args:
        settings: Keyword arguments of ``HierarchicalTextClassifier`` that the file may hold.

    Returns:
        YAML text.

    Example:
        >>> print(settings_yaml({"tune": "none", "encoder": None}).strip())
        encoder: null
        tune: none
    """
    plain = {
        name: dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
        for name, value in settings.items()
    }
    return yaml.safe_dump(plain, sort_keys=True, allow_unicode=True)


def _setting(document: Document, key: str, value: Any) -> Any:
    """One setting, made what the estimator takes; its problems are noted."""
    if key not in SECTIONS and key not in KEYS:
        hint = document.hints.nearest(key, (*SECTIONS, *KEYS))
        document.add((key,), f"unknown key '{key}'", hint=hint, at_key=True)
    elif key in SECTIONS and isinstance(value, dict):
        return _section(document, key, value)
    elif key in KEYS:
        _check(document, (key,), KEYS[key], value)
    else:
        document.add((key,), f"expected a mapping, got {described(document, (key,), value)}")
    return value


def _section(document: Document, key: str, given: Mapping[str, Any]) -> Any:
    """A section, made a config; its problems are noted."""
    types, n_problems = get_type_hints(SECTIONS[key]), len(document.problems)
    for name, value in given.items():
        if name in types:
            _check(document, (key, name), types[name], value)
        else:
            hint = document.hints.nearest(name, tuple(types))
            document.add((key, name), f"unknown key '{name}'", hint=hint, at_key=True)
    if len(document.problems) > n_problems:
        return None
    try:
        return SECTIONS[key](**given)
    except ConfigError as error:
        document.add((key,), str(error), at_key=True)
        return None


def _check(document: Document, path: tuple[str, ...], expected: Any, value: Any) -> None:
    """Note a value of another type."""
    try:
        TypeAdapter(expected).validate_python(value, strict=True)
    except ValidationError as error:
        wanted = dict.fromkeys(fault["msg"].removeprefix("Input should be ") for fault in error.errors())
        document.add(path, f"expected {' or '.join(wanted)}, got {described(document, path, value)}")
