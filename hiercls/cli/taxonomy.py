"""The commands on taxonomy files: check, schema, init, show, diff.

Knows how results are worded; what they are, ``hiercls.taxonomy`` and ``hiercls.plots`` know. Never imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import AsJson, complain, counted, note, to_json, warn, write
from hiercls.cli.app import show as say
from hiercls.cli.figures import check_figure, write_figure
from hiercls.errors import Problem, TaxonomyError

if TYPE_CHECKING:
    from hiercls.taxonomy import Taxonomy

File = Annotated[Path, typer.Argument(metavar="FILE", help="A taxonomy in YAML, or in .parquet.")]
Customers = Annotated[
    list[Path] | None,
    typer.Option("--customer", metavar="FILE", help="A customer's own file, added to the taxonomy; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    app.command(epilog="Example: hiercls check taxonomies/tiny.yaml --customer acme.yaml")(check)
    app.command(epilog="Example: hiercls schema -o hiercls.schema.json")(schema)
    app.command(epilog="Example: hiercls init labels.csv --levels area,topic --customers one,two -o first.yaml")(init)
    app.command(epilog="Example: hiercls show taxonomies/tiny.yaml -o tiny.svg")(show)
    app.command(epilog="Example: hiercls diff old.yaml new.yaml; hiercls diff old-model new-model documents.csv")(diff)


def check(
    file: File,
    customer: Customers = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, problems included.")] = False,
) -> None:
    """Check a taxonomy: all problems at once, or what is in it and what its customers' labels can teach."""
    from hiercls.cli.checking import Findings

    try:
        findings = Findings.of(read_taxonomy(file, customer), file=str(file))
    except TaxonomyError as error:
        findings = Findings(file=str(file), problems=error.problems)
    if json:
        typer.echo(to_json(findings.to_dict()))
    else:
        typer.echo("\n".join(findings.lines()))
        for warning in findings.warnings:
            warn(warning)
    if findings.problems:
        files = dict.fromkeys(problem.file or str(file) for problem in findings.problems)
        complain(f"{counted(len(findings.problems), 'problem')} in {' and '.join(map(repr, files))}")
        raise typer.Exit(code=1)


def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write it; stdout by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON Schema of taxonomy files, by which editors complete and check them as you type."""
    from hiercls.taxonomy import json_schema

    if output is None or as_json:  # it is JSON either way
        typer.echo(to_json(json_schema()))
    if output is not None:
        write(output, to_json(json_schema()) + "\n", force=True)
        note(f"first line of a taxonomy, for editors: # yaml-language-server: $schema={output}")


def init(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A table (.csv, .tsv, .jsonl, .parquet) or graph (.graphml, .gexf, .gml)."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; stdout by default.")
    ] = None,
    levels: Annotated[str, typer.Option(metavar="A,B", help="The columns of the levels, from coarse to fine.")] = "",
    customers: Annotated[str, typer.Option(metavar="A,B", help="The columns that hold a customer's classes.")] = "",
    edges: Annotated[str, typer.Option(metavar="A,B", help="The columns of parent and child in a list of edges.")] = "",
    name: Annotated[str | None, typer.Option(help="The taxonomy's name; the file's by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a first taxonomy from a table's label columns, a list of edges or a graph, to be corrected by hand."""
    from hiercls.cli.drafting import draft

    first = draft(data, levels=_split(levels), customers=_split(customers), edges=_split(edges), name=name)
    if output is not None:
        write(output, first.yaml, force=force)
    if output is None or as_json:
        say({"taxonomy": first.taxonomy.to_dict(), "notes": first.notes}, [first.yaml.rstrip("\n")], as_json=as_json)
    for line in first.notes:
        note(line)


def show(
    file: File,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FIGURE", help="The figure to write: .svg, .png or .pdf.")
    ],
    customer: Customers = None,
    as_json: AsJson = False,
) -> None:
    """Draw the hierarchy and every customer's grouping side by side."""
    from hiercls.plots import plot_taxonomy

    check_figure(output)
    taxonomy = read_taxonomy(file, customer)
    write_figure(lambda: plot_taxonomy(taxonomy), output)
    if as_json:
        typer.echo(to_json({"figure": str(output), "taxonomy": taxonomy.to_dict()}))


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The taxonomy, or the trained model, as it was.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same as it is.")],
    documents: Annotated[
        list[Path] | None, typer.Argument(metavar="DOCS", help="Of two models: documents, to see which answers change.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option("--at", metavar="VIEW", help="A level or a customer; all by default.")
    ] = None,
) -> None:
    """Say in words what changed between two taxonomies, or two trained models; nothing where nothing did.

    Of two models, documents may be given: then it is said at every view how many are answered otherwise, which classes
    they left and joined, and where an example stands.
    """
    from hiercls.taxonomy.diff import differences

    if old.is_dir() and new.is_dir():
        from hiercls.cli.reshaping import model_differences

        lines = model_differences(old, new, documents or [], at)
    elif documents or at:
        raise typer.BadParameter("documents are for two models; OLD and NEW are to be their folders")
    else:
        lines = list(differences(read_taxonomy(old, None), read_taxonomy(new, None)))
    for line in lines:
        typer.echo(line)


def _split(names: str) -> list[str]:
    return [part.strip() for part in names.split(",") if part.strip()]


def read_taxonomy(file: Path, customers: Sequence[Path] | None) -> Taxonomy:
    """Read a taxonomy and add customers from files of their own; the problems of all customers' files at once.

    Args:
        file: The taxonomy.
        customers: The customers' files.

    Returns:
        The taxonomy with them.

    Raises:
        TaxonomyError: If anything is wrong with the taxonomy, or else with the customers.
    """
    from hiercls.taxonomy import Taxonomy

    taxonomy = Taxonomy.read(file)
    problems: list[Problem] = []
    for path in customers or ():
        try:
            taxonomy = taxonomy.with_customer(path)
        except TaxonomyError as error:
            problems += error.problems
    if problems:
        raise TaxonomyError(problems, subject="the customers' files")
    return taxonomy
