"""The commands on the cache of encodings: its size, and clearing it.

Knows how results are worded; what a cache is, ``hiercls.encoding`` knows. Never imports torch.
"""

from __future__ import annotations

import typer

from hiercls.cli.app import AsJson, counted, note, to_json


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    group = typer.Typer(no_args_is_help=True, help="Encodings kept on disk: the same text is encoded once.")
    group.command(epilog="Example: hiercls cache size")(size)
    group.command(epilog="Example: hiercls cache clear")(clear)
    app.add_typer(group, name="cache")


def size(as_json: AsJson = False) -> None:
    """Say where encodings are kept, and how many.

    HIERCLS_CACHE names another folder.
    """
    from hiercls.encoding.cache import cache_size, default_cache_folder

    folder = default_cache_folder()
    found = cache_size(folder)
    if as_json:
        values = {"n_encoders": found.n_encoders, "n_texts": found.n_texts, "n_bytes": found.n_bytes}
        typer.echo(to_json({"folder": str(folder), **values}))
    else:
        encoders = f"of {counted(found.n_encoders, 'encoder')}"
        typer.echo(f"{folder}: {counted(found.n_texts, 'encoding')} {encoders}, {found.n_bytes / 1e6:,.1f} MB")


def clear() -> None:
    """Delete all encodings that are kept; they are computed again when they are wanted."""
    from hiercls.encoding.cache import cache_size, clear_cache, default_cache_folder

    folder = default_cache_folder()
    found = cache_size(folder)
    clear_cache(folder)
    note(f"deleted {counted(found.n_texts, 'encoding')}, {found.n_bytes / 1e6:,.1f} MB, in {folder}")
