"""The command that explains one prediction, on the terminal or as an HTML page.

Knows options; what explains a prediction, ``hiercls.explain`` finds and draws.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import to_json, write
from hiercls.cli.documents import Device, Model, SkipBad, Skipping, load_model
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from hiercls.data.rows import Row


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls explain model 'The rocket left for Venus.' --at one")(explain)


def explain(
    model: Model,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text; - is stdin.")],
    at: Annotated[
        str | None, typer.Option(metavar="VIEW", help="A level or a customer of the model; by default the topics.")
    ] = None,
    of: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="The class to explain; by default the likeliest.")
    ] = None,
    documents: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Documents of the customer's own to compare with; others' are left out."),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=0, help="How many of the nearest documents are shown.")] = 3,
    max_words: Annotated[
        int, typer.Option(min=0, help="How many words are taken out in turn, from the beginning.")
    ] = 200,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page, and print nothing.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the HTML file.")] = False,
    device: Device = None,
    skip_bad: SkipBad = False,
) -> None:
    """Say why a text is answered as it is: which topics, which words, which documents of the customer's own.

    Every word is taken out in turn and the rest read again; words that speak for the class are blue, those against it
    orange. The model keeps no documents: those to compare with come from --documents, and of these only the customer's.
    """
    from hiercls.explain import explain as explained

    if html is not None and html.exists() and not force:
        raise ConfigError(f"'{html}' is there already; --force overwrites it")
    classifier = load_model(model, device)
    text = typer.get_text_stream("stdin").read() if text == "-" else text
    own = () if documents is None else _rows(documents, skip_bad=skip_bad)
    found = explained(classifier, text, at=at, of=of, documents=own, n_neighbours=neighbours, max_words=max_words)
    if html is not None:
        write(html, found.to_html(), force=force)
    elif as_json:
        typer.echo(to_json(found.to_dict()))
    else:
        from rich.console import Console

        Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR"))).print(found)


def _rows(file: Path, *, skip_bad: bool) -> tuple[Row, ...]:
    """The good rows of a file; where bad ones may not be left out, they are listed and end the command."""
    from hiercls.data.reading import read

    table = read(file)
    Skipping(bad=skip_bad, rejects=None).settle(table.rejects, n_rows=len(table.rows) + len(table.rejects))
    return table.rows
