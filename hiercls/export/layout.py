"""What stands in an exported folder, and how its graphs are opened by a runtime.

Knows files and runtimes; knows no torch, no text and no taxonomy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from hiercls.errors import ModelFolderError, require
from hiercls.model.windows import Reading

Format = Literal["onnx", "openvino"]
"""The runtimes that a model can be exported for."""

SETTINGS, TAXONOMY, TOKENIZER = "export.json", "taxonomy.yaml", "tokenizer.json"
VOCABULARY, WORDS = "vocabulary.json", "words.npz"
ENCODER, CLASSIFIER = "encoder", "classifier"
"""The graphs: token ids to a window's vector, and a text's vector and words to all views."""
SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml"}
VERSION = 1

Graph = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
"""Inputs in order to outputs in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is no tensor.

    Args:
        format: The runtime.
        reading: What is read of a text in tokens; None: there is no encoder.
        max_words: Longest term, in words; None: words are not read.
        threshold: The probability from which a class is predicted, where a document may have several; None: it has one.
    """

    format: Format
    reading: Reading | None
    max_words: int | None
    threshold: float | None

    def write(self, folder: Path) -> None:
        """Write the settings into a folder."""
        data = {"version": VERSION, **asdict(self)}
        text = json.dumps(data, indent=2, default=lambda value: value.tolist())
        (folder / SETTINGS).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Settings:
        """The settings of a folder.

        Args:
            folder: A folder that was exported.

        Returns:
            The settings.

        Raises:
            ModelFolderError: If there are none, or of another version.
        """
        file = folder / SETTINGS
        if not file.is_file():
            raise ModelFolderError(f"expected a folder that 'hiercls export' wrote, found no {file}")
        try:
            data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            found, given = data.pop("version"), data.pop("reading")
            if found != VERSION or data["format"] not in get_args(Format):
                raise ModelFolderError(f"{file} is of another version of hiercls: export the model again")
            if given is not None:
                given |= {name: np.array(given[name], dtype=np.int32) for name in ("prefix", "suffix")}
            return cls(reading=None if given is None else Reading(**given), **data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelFolderError(f"{file} is damaged: {error}; export the model again") from error


def open_graph(folder: Path, name: str, settings: Settings, *, threads: int | None) -> Graph:
    """A graph, ready to run on the CPU in float32.

    Args:
        folder: An exported folder.
        name: Which graph.
        settings: The folder's settings.
        threads: Threads it may use; None: as many as the runtime likes.

    Returns:
        What runs it.

    Raises:
        ModelFolderError: If it is not there.
        MissingExtraError: If the runtime is not installed.
    """
    file = folder / f"{name}{SUFFIXES[settings.format]}"
    if not file.is_file():
        raise ModelFolderError(f"there is no {file}; export the model again")
    return (_onnx if settings.format == "onnx" else _openvino)(file, threads)


def _onnx(file: Path, threads: int | None) -> Graph:
    """A graph in ONNX Runtime."""
    runtime = require("onnxruntime", extra="onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def run(inputs: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        outputs: list[np.ndarray] = session.run(None, dict(zip(names, inputs, strict=True)))
        return outputs

    return run


def _openvino(file: Path, threads: int | None) -> Graph:
    """A graph in OpenVINO, which would take bfloat16 where that is fast."""
    openvino = require("openvino", extra="openvino")
    settings = {"INFERENCE_PRECISION_HINT": "f32", **({} if threads is None else {"INFERENCE_NUM_THREADS": threads})}
    compiled = openvino.Core().compile_model(str(file), "CPU", settings)

    def run(inputs: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        found = compiled(list(inputs))
        return [np.array(found[place]) for place in range(len(compiled.outputs))]

    return run
