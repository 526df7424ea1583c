"""The command that searches for settings.

Knows options and files; the search is ``hiercls.study``'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import AsJson, check_free, counted, note, show, write
from hiercls.cli.documents import Rejects, SkipBad, Skipping, read_labelled
from hiercls.cli.taxonomy import Customers, File, read_taxonomy
from hiercls.cli.training import Data, SettingsFile


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls tune taxonomies/tiny.yaml taxonomies/tiny.jsonl -o settings.yaml")(tune)


def tune(
    taxonomy: File,
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file for the best settings.")],
    settings: SettingsFile = None,
    customer: Customers = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials altogether, those of a study that goes on included.")] = 20,
    folds: Annotated[int, typer.Option(min=1, help="Folds, each of which holds out a fifth of the rows.")] = 3,
    study: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the study here, and go on with it where it is there.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search for the settings of heads and training that foresee held-out labels best; needs the extra 'tune'.

    Trials that are below the median of the others are given up. 'hiercls train --settings' takes what is found.
    """
    from hiercls.estimator.settings import read_settings, settings_yaml
    from hiercls.study.tuning import tune as search

    check_free(output, force=force)
    whole = read_taxonomy(taxonomy, customer)
    base = {} if settings is None else read_settings(settings)
    rows = read_labelled(whole, data, skipping=Skipping.of(skip_bad, rejects)).rows
    found = search(whole, rows, settings=base, n_trials=trials, n_folds=folds, study=study, seed=seed, say=note)
    write(output, settings_yaml(found.settings), force=force)
    said = f"accuracy {found.accuracy:.3f} on rows held out, the best of {counted(found.n_finished, 'trial')}"
    show(found, [f"{said}; {found.n_pruned} given up"], as_json=as_json)
