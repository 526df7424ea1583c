"""A trained model as a folder: weights in safetensors, settings in JSON, the map in YAML; never pickle.

Knows files and tensors; what the settings mean is the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from hiercls.errors import ModelFolderError
from hiercls.files import replacing_folder, sha256

FORMAT = 1
"""Version of the folder's layout."""
_SETTINGS, _WEIGHTS, _TAXONOMY, ENCODER = "config.json", "model.safetensors", "taxonomy.yaml", "encoder"
_VOCABULARY = "vocabulary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """What a model folder holds.

    Args:
        settings: Plain data, as JSON has it.
        weights: Tensors by name.
        taxonomy: YAML text.
        vocabulary: The terms of the lexical branch; None: there is none.
    """

    settings: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    taxonomy: str
    vocabulary: Sequence[str] | None = None


def write_model(folder: Path, model: SavedModel, *, write_encoder: Callable[[Path], None] | None = None) -> None:
    """Write a model folder whole or not at all: aside first, then renamed into place.

    Args:
        folder: Where to; a model that stands there is replaced.
        model: What to write.
        write_encoder: Writes a trained encoder into the folder that it is given; None: the encoder is not part of it.

    Raises:
        ModelFolderError: If something that is no model stands there, or the folder cannot be written.
    """
    folder = folder.resolve()
    check_replaceable(folder)
    try:
        with replacing_folder(folder) as aside:
            if write_encoder is not None:
                write_encoder(aside / ENCODER)
            _write_files(aside, model)
    except OSError as error:
        raise ModelFolderError(f"cannot write the model to {folder}: {error}; what stood there is untouched") from error


def _may_replace(folder: Path) -> bool:
    """Whether a path is a model of hiercls, or an empty folder; other libraries have a config.json too."""
    if not folder.is_dir():
        return False
    return not any(folder.iterdir()) or all((folder / name).is_file() for name in (_SETTINGS, _WEIGHTS, _TAXONOMY))


def check_replaceable(folder: Path) -> None:
    """Refuse a path where a model must not be written; better asked before training than after it.

    Args:
        folder: Where a model is to go: nothing, an empty folder or a model stands there.

    Raises:
        ModelFolderError: If something else stands there.
    """
    if folder.exists() and not _may_replace(folder):
        raise ModelFolderError(f"{folder} exists and is no model of hiercls; choose another folder, or remove it")


def read_model(folder: Path) -> SavedModel:
    """Read a model folder.

    Args:
        folder: A folder that ``write_model`` wrote.

    Returns:
        What it holds.

    Raises:
        ModelFolderError: If a file is missing or damaged, or the layout is of a later version.
    """
    try:
        settings = json.loads(_inside(folder, _SETTINGS).read_text(encoding="utf-8"))
        _check_format(folder, settings)
        _check_files(folder, settings.get("sha256"))
        weights, taxonomy = load((folder / _WEIGHTS).read_bytes()), (folder / _TAXONOMY).read_text(encoding="utf-8")
        vocabulary = _read_vocabulary(folder, settings["sha256"])
    except OSError as error:
        raise ModelFolderError(
            f"expected a model folder with {_SETTINGS}, {_WEIGHTS} and {_TAXONOMY} at {folder}: {error}"
        ) from error
    except (ValueError, RecursionError, SafetensorError) as error:
        raise ModelFolderError(f"the model in {folder} is damaged: {error}; save it again") from error
    return SavedModel(settings=settings, weights=weights, taxonomy=taxonomy, vocabulary=vocabulary)


def _read_vocabulary(folder: Path, hashes: Mapping[str, str]) -> tuple[str, ...] | None:
    """The terms, where the model has any."""
    if _VOCABULARY not in hashes:
        return None
    terms = json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise ValueError(f"expected a list of terms in {_VOCABULARY}")
    return tuple(terms)


def _check_format(folder: Path, settings: Any) -> None:
    """Refuse settings of another layout."""
    found = settings.get("format") if isinstance(settings, dict) else None
    if found != FORMAT:
        raise ModelFolderError(
            f"{folder} has model format {found!r}, this hiercls reads {FORMAT}; upgrade hiercls, or save it again"
        )


def _check_files(folder: Path, expected: Any) -> None:
    """Refuse files that are not those that were written."""
    if not isinstance(expected, dict) or not {_WEIGHTS, _TAXONOMY} <= set(expected):
        raise ModelFolderError(f"{folder / _SETTINGS} is damaged: it has no SHA-256 of the other files")
    for name, digest in expected.items():
        if sha256(_inside(folder, name)) != digest:
            raise ModelFolderError(f"{folder / name} is damaged or was changed: its SHA-256 is not that in {_SETTINGS}")


def _inside(folder: Path, name: str) -> Path:
    """A file of a folder, never one elsewhere; of links those of the hub's cache to its blobs alone are followed."""
    root, file = folder.resolve(), (folder / name).resolve()
    homes = [root, root.parent.with_name("blobs")] if root.parent.name == "snapshots" else [root]
    if not any(file.is_relative_to(home) for home in homes):
        raise ModelFolderError(f"'{name}' in {folder / _SETTINGS} lies outside the folder, so it is not read")
    if file.exists() and not file.is_file():
        raise ModelFolderError(f"expected {folder / name} to be a file")
    return file


def _write_files(folder: Path, model: SavedModel) -> None:
    """Weights and map first, then the settings with the hashes of everything that is there."""
    (folder / _TAXONOMY).write_bytes(model.taxonomy.encode("utf-8"))
    (folder / _WEIGHTS).write_bytes(save({name: value.contiguous() for name, value in model.weights.items()}))
    if model.vocabulary is not None:
        words = json.dumps(list(model.vocabulary), ensure_ascii=False)
        (folder / _VOCABULARY).write_bytes(words.encode("utf-8"))
    written = sorted(file for file in folder.rglob("*") if file.is_file())
    hashes = {file.relative_to(folder).as_posix(): sha256(file) for file in written}
    settings = {"format": FORMAT, **model.settings, "sha256": hashes}
    (folder / _SETTINGS).write_bytes(json.dumps(settings, indent=2, ensure_ascii=False).encode("utf-8"))
