"""The taxonomies that come with hiercls.

Knows where they lie, in a source tree and in an installed wheel; not what is in them.
"""

from __future__ import annotations

from pathlib import Path

from hiercls.errors import ConfigError, nearest

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "taxonomies", _PACKAGE.parent / "taxonomies")


def shipped(name: str) -> Path:
    """The file of a taxonomy that comes with hiercls.

    Args:
        name: Such as ``"tiny"`` or ``"newsgroups"``.

    Returns:
        The YAML file.

    Raises:
        ConfigError: If there is none of this name.

    Example:
        >>> shipped("tiny").name
        'tiny.yaml'
    """
    for folder in _FOLDERS:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    names = sorted(path.stem for folder in _FOLDERS for path in folder.glob("*.yaml"))
    raise ConfigError(f"no taxonomy '{name}' comes with hiercls; {nearest(name, names)}")
