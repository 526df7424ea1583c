"""Repurposing by training an encoder's layers: fine-tuning from a named layer, and layers dropped, frozen or forgotten.

Knows encoders, texts and labels; no taxonomy.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted
from torch import nn

from hiercls.encoding.engine import EncodingEngine
from hiercls.encoding.precision import fast_precision
from hiercls.errors import ConfigError, ModelFolderError
from hiercls.files import replacing_folder
from hiercls.model.encoder import EncoderConfig, TextEncoder, load_encoder
from hiercls.model.pooling import Pooling
from hiercls.model.surgery import drop_layers, freeze, layer_names, reinitialise
from hiercls.training.parameters import set_dropout

FORMAT = "hiercls encoder repurposer 1"
_HEAD, _ENCODER = "head.safetensors", "encoder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surgery:
    """What is done to an encoder before, and how fast its parts are trained.

    Args:
        top: The named layer is the last that is kept; None: all are.
        forgotten: Parts that start at random.
        frozen: Parts that are not trained.
        learning_rates: Step sizes by part; the longest name that fits counts, and ``""`` fits all.
    """

    top: str | None = None
    forgotten: Sequence[str] = ()
    frozen: Sequence[str] = ()
    learning_rates: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"": 1e-4})

    def performed(self, transformer: Any, *, seed: int) -> Any:
        """A copy of an encoder on which it was performed.

        Args:
            transformer: A `transformers` encoder.
            seed: Seed of what starts at random.

        Returns:
            The copy.

        Raises:
            ConfigError: If it has no part of a name.
        """
        if self.top is not None:
            names = layer_names(transformer)
            if self.top not in names:
                raise ConfigError(f"expected the last layer to be one of {list(names)}, got '{self.top}'")
            transformer = drop_layers(transformer, top=len(names) - 1 - names.index(self.top))
        return freeze(reinitialise(transformer, self.forgotten, seed=seed), self.frozen)

    def groups(self, transformer: Any) -> list[dict[str, Any]]:
        """The parameters to train with their step sizes, as optimizers of torch take them."""
        rates: dict[float, list[nn.Parameter]] = {}
        for name, parameter in transformer.named_parameters():
            fits = [part for part in self.learning_rates if part == "" or f"{name}.".startswith(f"{part}.")]
            if parameter.requires_grad and fits:
                rates.setdefault(self.learning_rates[max(fits, key=len)], []).append(parameter)
        return [{"params": parameters, "lr": rate} for rate, parameters in rates.items()]


class EncoderRepurposer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A softmax on an encoder whose layers are trained with it.

    Args:
        encoder: The encoder; it stays as it is.
        surgery: What is dropped, forgotten and frozen, and the step sizes; None: all layers are fine-tuned.
        learning_rate: Step size of the softmax.
        epochs: Times that the documents are seen.
        batch_size: Documents in a step.
        random_state: Seed of what is at random.

    Source:
        Fine-tuning from a layer, and "random freeze", as in Amazon's Xfer (Maurya et al., 2018).
    """

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        surgery: Surgery | None = None,
        learning_rate: float = 1e-2,
        epochs: int = 20,
        batch_size: int = 16,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.surgery = surgery
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, texts: Sequence[str], labels: Sequence[Any]) -> Self:
        """Train.

        Args:
            texts: n_texts strings.
            labels: For each its class.

        Returns:
            The repurposer; it warns if the labels are not learnt yet.

        Raises:
            ConfigError: If there are not two classes, or the encoder has no part of a name.
        """
        self.classes_, classes = np.unique(np.asarray(labels), return_inverse=True)
        if len(self.classes_) < 2:
            raise ConfigError(f"expected labels of two classes at least, got {len(self.classes_)}")
        surgery = Surgery() if self.surgery is None else self.surgery
        transformer = surgery.performed(self.encoder.transformer, seed=self.random_state).float()
        pooling = Pooling(self.encoder.config.pooling, width=self.encoder.width)
        self.encoder_ = self.encoder.with_transformer(transformer, pooling)
        self.encoder_.trained_in = fast_precision(torch.device("cpu"))
        set_dropout(self.encoder_, 0.0)
        self.encoder_.train()
        self.head_ = nn.Linear(self.encoder.width, len(self.classes_))
        for parameter in self.head_.parameters():
            nn.init.zeros_(parameter)
        groups = [*surgery.groups(transformer), {"params": list(self.head_.parameters()), "lr": self.learning_rate}]
        loss = self._train(torch.optim.AdamW(groups), list(texts), torch.from_numpy(classes))
        self.encoder_.eval().requires_grad_(False)
        if loss > 0.5 * np.log(len(self.classes_)):
            warnings.warn(
                f"the head has not converged: its loss is {loss:.2f} nats a document, and guessing costs "
                f"{np.log(len(self.classes_)):.2f}; give it more epochs or longer steps",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities of the classes.

        Args:
            texts: n_texts strings.

        Returns:
            Shape (n_texts, n_classes).
        """
        check_is_fitted(self, "head_")
        encodings = EncodingEngine(self.encoder_, device=torch.device("cpu")).encode(list(texts))
        with torch.inference_mode():
            probabilities: np.ndarray = self.head_(torch.from_numpy(encodings)).double().softmax(dim=-1).numpy()
        return probabilities

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """The likeliest classes.

        Args:
            texts: n_texts strings.

        Returns:
            Shape (n_texts,).
        """
        best: np.ndarray = self.classes_[self.predict_proba(texts).argmax(axis=1)]
        return best

    def save(self, folder: str | Path) -> None:
        """Write a folder of encoder and head, whole or not at all, without pickle.

        Args:
            folder: Where to; an encoder repurposer that stands there is replaced.

        Raises:
            ModelFolderError: If something else stands there.
            OSError: If it cannot be written.
        """
        check_is_fitted(self, "head_")
        place = Path(folder)
        if place.exists() and (place.is_file() or not {file.name for file in place.iterdir()} <= {_HEAD, _ENCODER}):
            raise ModelFolderError(f"{place} exists and is no encoder repurposer; choose another folder, or remove it")
        settings = {"format": FORMAT, "classes": self.classes_.tolist()}
        settings["encoder"] = dataclasses.asdict(self.encoder_.config)
        tensors = {name: value.contiguous() for name, value in self.head_.state_dict().items()}
        with replacing_folder(place) as aside:
            self.encoder_.save(aside / _ENCODER)
            (aside / _HEAD).write_bytes(save(tensors, metadata={"settings": json.dumps(settings)}))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what ``save`` wrote.

        Args:
            folder: The folder.

        Returns:
            The fitted repurposer.

        Raises:
            ModelFolderError: If the folder holds none.
        """
        file = Path(folder) / _HEAD
        if not file.is_file():
            raise ModelFolderError(f"expected a saved encoder repurposer in '{folder}', but there is no {_HEAD}")
        try:
            return cls._read(file, encoder=Path(folder) / _ENCODER)
        except (SafetensorError, LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            raise ModelFolderError(f"expected a saved encoder repurposer in '{folder}': {error}") from error

    @classmethod
    def _read(cls, file: Path, *, encoder: Path) -> Self:
        """The head of a file, on the encoder of a folder."""
        with safe_open(file, framework="pt") as opened:
            settings = json.loads((opened.metadata() or {}).get("settings", "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118, no mapping
        if settings.get("format") != FORMAT:
            raise ModelFolderError(f"expected a saved encoder repurposer, got another kind of file: '{file}'")
        config = EncoderConfig(**{**settings["encoder"], "name": str(encoder), "revision": None})
        loaded = cls(load_encoder(config))
        loaded.encoder_, loaded.classes_ = loaded.encoder.requires_grad_(False), np.array(settings["classes"])
        loaded.head_ = nn.Linear(loaded.encoder.width, len(loaded.classes_))
        loaded.head_.load_state_dict(tensors)
        return loaded

    def _train(self, optimizer: torch.optim.Optimizer, texts: list[str], classes: torch.Tensor) -> float:
        """The epochs, with steps that shrink to nothing; the mean loss of the last."""
        random = np.random.default_rng(self.random_state)
        n_steps = self.epochs * -(-len(texts) // self.batch_size)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / n_steps)
        losses: list[float] = []
        for _ in range(self.epochs):
            losses = []
            for rows in self._batches(random.permutation(len(texts))):
                optimizer.zero_grad()
                losses.append(sum(self._learnt([texts[row] for row in rows], classes[rows])))
                optimizer.step()
                schedule.step()
        return float(np.mean(losses))

    def _learnt(self, texts: Sequence[str], classes: torch.Tensor) -> Iterator[float]:
        """Add a step's gradients up, texts of like length at a time; what each part adds to the mean loss."""
        for part, tokens in self.encoder_.parts(texts):
            said = self.head_(self.encoder_(tokens))
            loss = nn.functional.cross_entropy(said, classes[part], reduction="sum") / len(texts)
            loss.backward()  # type: ignore[no-untyped-call]
            yield float(loss.detach())

    def _batches(self, order: np.ndarray) -> Iterator[np.ndarray]:
        """The documents in parts."""
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]
