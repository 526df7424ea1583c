"""Model folders on the Hugging Face hub: found by name, and uploaded.

Knows the hub's client; knows nothing of what is in a folder.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from hiercls.errors import ConfigError, ModelFolderError

FILES = ("config.json", "model.safetensors", "taxonomy.yaml", "vocabulary.json", "encoder/*")
"""What is downloaded of a repository; nothing in it is code."""


def find_model(name: str | Path, *, revision: str | None = None) -> Path:
    """The folder of a model: one on this machine, in the hub's cache, or from the hub.

    Args:
        name: A folder, or ``owner/name`` on the hub.
        revision: Commit, branch or tag; None: the default branch.

    Returns:
        The folder.

    Raises:
        ConfigError: If a folder is given with a revision.
        ModelFolderError: If it is neither, or cannot be had.
    """
    path = Path(name)
    if path.exists() or not _is_hub_name(name):
        if revision is not None:
            raise ConfigError(f"'{name}' is no name on the hub, so it has no revision {revision!r}; leave it out")
        return path
    from huggingface_hub import snapshot_download

    wanted = partial(snapshot_download, str(name), revision=revision, allow_patterns=list(FILES))
    try:
        return Path(wanted(local_files_only=True))
    except OSError:
        pass
    try:
        return Path(wanted())
    except Exception as error:  # the hub's client raises errors of its HTTP library, which differ by version
        raise ModelFolderError(
            f"there is no folder '{name}', and the model '{name}' could not be had from the hub "
            f"({type(error).__name__}); give a folder, or the name and revision of a model that you may read"
        ) from error


def upload(folder: Path, repo_id: str, *, revision: str | None, private: bool, token: str | None) -> str:
    """Upload a folder as one commit.

    Args:
        folder: What to upload.
        repo_id: Where to; it is made where there is none.
        revision: The branch; None: the default one.
        private: Whether a repository that is made is private.
        token: An access token; None: the one kept on this machine.

    Returns:
        The commit.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    api.create_repo(repo_id, private=private, exist_ok=True)
    if revision is not None:
        api.create_branch(repo_id, branch=revision, exist_ok=True)
    commit = api.upload_folder(
        repo_id=repo_id, folder_path=folder, revision=revision, commit_message="Upload a model of hiercls"
    )
    return str(commit.oid)


def check_encoder(classifier: Any) -> None:
    """Refuse to share a model whose encoder others cannot load.

    Args:
        classifier: A trained estimator.

    Raises:
        ConfigError: If its frozen encoder is a folder of this machine.
    """
    engine = classifier.scorer_.engine
    if engine is not None and classifier.tune == "none" and os.path.isdir(engine.encoder.config.name):
        raise ConfigError(
            f"the model reads the encoder in '{engine.encoder.config.name}', a folder of this machine that others have "
            "not; upload that to the hub and train with its name there, or train with tune='last-1', which saves it"
        )


def _is_hub_name(name: str | Path) -> bool:
    """Whether a name looks like ``owner/name``; a path that is missing is told from it where it can be."""
    parts = name.split("/") if isinstance(name, str) else []
    return len(parts) == 2 and all(parts) and parts[0] not in (".", "..", "~")
