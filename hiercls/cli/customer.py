"""The commands that change the customers of a trained model: add, replace, remove.

Knows options and how results are worded. A model is changed in place, whole or not at all; nothing is trained.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli import adapting, advising, inferring, onboarding, repurposing
from hiercls.cli.app import AsJson, counted, note, show
from hiercls.cli.documents import Model, load_model, program

if TYPE_CHECKING:
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.taxonomy.hierarchy import Hierarchy

File = Annotated[Path, typer.Argument(metavar="FILE", help="The customer in YAML: its name and its classes.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="MODEL", help="A folder for the changed model; else in place."),
]
Prior = Annotated[
    list[str] | None,
    typer.Option(
        "--prior",
        metavar="PRIOR",
        help="Its own mix of topics, where that is known: a YAML or JSON file of topics and their shares, or "
        "topic=share for each topic. Counts will do; what is not named has none. Without it, the mix of all customers.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    group = typer.Typer(no_args_is_help=True, help="Change and get to know the customers of a trained model.")
    group.command(epilog="Example: hiercls customer add model acme.yaml --prior A=70 --prior D=30")(add)
    group.command(epilog="Example: hiercls customer replace model acme.yaml --prior mix.yaml")(replace)
    group.command(epilog="Example: hiercls customer remove model acme")(remove)
    onboarding.register(group)
    inferring.register(group)
    adapting.register(group)
    advising.register(group)
    repurposing.register(group)
    app.add_typer(group, name="customer")


def add(model: Model, file: File, prior: Prior = None, output: Output = None, as_json: AsJson = False) -> None:
    """Add a customer to a trained model from its YAML alone: it is answered at once."""
    classifier = load_model(model, "cpu", output=output)
    classifier.add_customer(file, prior=_shares(classifier, prior))
    name = classifier.taxonomy_.customers[-1]
    classifier.save_pretrained(folder := output or model)
    said = f"added '{name}' with {_described(classifier, name)}; next: {_next(folder, name)}"
    show(_facts(classifier, name), [said], as_json=as_json)


def replace(model: Model, file: File, prior: Prior = None, output: Output = None, as_json: AsJson = False) -> None:
    """Give a customer of a trained model other classes, and its mix of topics anew; the file names the customer."""
    classifier = load_model(model, "cpu", output=output)
    before, mixes = classifier.taxonomy_, classifier.priors or {}
    after = classifier.replace_customer(file, prior=_shares(classifier, prior)).taxonomy_
    new_mixes = classifier.priors or {}
    changed = [
        name
        for name in after.customers
        if after.view(name) != before.view(name) or new_mixes.get(name) != mixes.get(name)
    ]
    classifier.save_pretrained(folder := output or model)
    if not changed:
        show(None, ["nothing to replace: the customer has these classes already"], as_json=as_json)
        return
    name = changed[0]
    if name in mixes and name not in new_mixes:
        note(f"'{name}' had a mix of topics of its own, and has that of all customers now; --prior gives one")
    said = f"'{name}' has {_described(classifier, name)} now; next: {_next(folder, name)}"
    show(_facts(classifier, name), [said], as_json=as_json)


def remove(
    model: Model,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The customer's name.")],
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Remove a customer from a trained model; what its labels have taught stays."""
    classifier = load_model(model, "cpu", output=output).remove_customer(name)
    classifier.save_pretrained(output or model)
    left = classifier.taxonomy_.customers
    show({"left": left}, [f"removed '{name}'; left: {', '.join(left) or 'no customers'}"], as_json=as_json)


def _shares(classifier: HierarchicalTextClassifier, prior: list[str] | None) -> dict[str, float] | None:
    """A mix of topics as ``--prior`` gives it: one file, or pairs."""
    from hiercls.taxonomy.shares import read_shares

    if not prior:
        return None
    hierarchy = classifier.taxonomy_.hierarchy
    files = [one for one in prior if "=" not in one or Path(one).exists()]
    if files and len(prior) > 1:
        raise typer.BadParameter("--prior takes one file, or topic=share as often as there are topics")
    return read_shares(Path(files[0]) if files else _pairs(prior, hierarchy), hierarchy=hierarchy)


def _pairs(prior: list[str], hierarchy: Hierarchy) -> dict[str, float]:
    """``topic=share`` as a mapping; a topic's name may hold a ``=``, a number none."""
    shares: dict[str, float] = {}
    for pair in prior:
        topic, _, share = pair.rpartition("=")
        try:
            value = float(share)
        except ValueError as error:
            raise typer.BadParameter(f"expected a file, or topic=share such as A=0.7, got '{pair}'") from error
        if "=" in topic and topic not in hierarchy.depth:
            raise typer.BadParameter(f"'{topic}' is no topic; repeat --prior for every topic=share")
        if topic in shares:
            raise typer.BadParameter(f"--prior gives a share to '{topic}' twice")
        shares[topic] = value
    return shares


def _described(classifier: HierarchicalTextClassifier, name: str) -> str:
    """What a customer has."""
    n_classes = counted(len(classifier.taxonomy_.view(name).classes), "class", "classes")
    return n_classes + (" and a mix of topics of its own" if name in (classifier.priors or {}) else "")


def _facts(classifier: HierarchicalTextClassifier, name: str) -> dict[str, Any]:
    """The same as data."""
    classes, priors = classifier.taxonomy_.view(name).classes, classifier.priors or {}
    return {"customer": name, "classes": classes, "prior": priors.get(name)}


def _next(folder: Path, customer: str) -> str:
    """The command to type next."""
    return f"{program()} predict {shlex.quote(str(folder))} FILE --at {shlex.quote(customer)}"
