"""The commands that change the customers of a trained model: add, replace, remove.

Knows options and how results are worded. A model is changed in place, whole or not at all; nothing is trained.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.documents import counted, program
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from hiercls.estimator import HierarchicalTextClassifier

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The folder of a trained model.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The customer in YAML: its name and its classes.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="MODEL", help="A folder for the changed model; else in place."),
]


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    group = typer.Typer(no_args_is_help=True, help="Change the customers of a trained model, without any training.")
    group.command(epilog="Example: hiercls customer add model acme.yaml")(add)
    group.command(epilog="Example: hiercls customer replace model acme.yaml")(replace)
    group.command(epilog="Example: hiercls customer remove model acme")(remove)
    app.add_typer(group, name="customer")


def add(model: Model, file: File, output: Output = None) -> None:
    """Add a customer to a trained model from its YAML alone: it is answered at once."""
    classifier = _load(model, output).add_customer(file)
    name = classifier.taxonomy_.customers[-1]
    n_classes = len(classifier.taxonomy_.view(name).classes)
    classifier.save_pretrained(folder := output or model)
    typer.echo(f"added '{name}' with {counted(n_classes, 'class', 'classes')}; next: {_next(folder, name)}")


def replace(model: Model, file: File, output: Output = None) -> None:
    """Give a customer of a trained model other classes; the file names the customer."""
    classifier = _load(model, output)
    before = classifier.taxonomy_
    after = classifier.replace_customer(file).taxonomy_
    changed = [name for name in after.customers if after.view(name) != before.view(name)]
    classifier.save_pretrained(folder := output or model)
    if not changed:
        typer.echo("nothing to replace: the customer has these classes already")
        return
    n_classes = len(after.view(changed[0]).classes)
    typer.echo(f"'{changed[0]}' has {counted(n_classes, 'class', 'classes')} now; next: {_next(folder, changed[0])}")


def remove(
    model: Model,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The customer's name.")],
    output: Output = None,
) -> None:
    """Remove a customer from a trained model; what its labels have taught stays."""
    classifier = _load(model, output).remove_customer(name)
    classifier.save_pretrained(output or model)
    typer.echo(f"removed '{name}'; left: {', '.join(classifier.taxonomy_.customers) or 'no customers'}")


def _load(model: Path, output: Path | None) -> HierarchicalTextClassifier:
    """A trained model, on the CPU: nothing is computed with it. The output may be no other model."""
    if output is not None and output.exists():
        raise ConfigError(f"'{output}' is there already; without --output the model is changed in place")
    from hiercls.estimator import HierarchicalTextClassifier

    return HierarchicalTextClassifier.from_pretrained(model, device="cpu")


def _next(folder: Path, customer: str) -> str:
    """The command to type next."""
    return f"{program()} predict {shlex.quote(str(folder))} FILE --at {shlex.quote(customer)}"
