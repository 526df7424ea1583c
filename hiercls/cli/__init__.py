"""The command line: ``hiercls`` and ``python -m hiercls``.

One file per command group, each with a ``register(app)`` that adds its commands; a group imports what is heavy inside
its commands, so that ``hiercls check`` never waits for torch. Knows nothing of what the commands do.
"""

from __future__ import annotations

from typing import Annotated

import typer

from hiercls.cli.app import CommandLine, show_version
from hiercls.cli.benchmark import register as register_benchmark
from hiercls.cli.cache import register as register_cache
from hiercls.cli.calibration import register as register_calibration
from hiercls.cli.compare import register as register_compare
from hiercls.cli.customer import register as register_customer
from hiercls.cli.demo import register as register_demo
from hiercls.cli.doctor import register as register_doctor
from hiercls.cli.evaluation import register as register_evaluation
from hiercls.cli.explanation import register as register_explanation
from hiercls.cli.exporting import register as register_exporting
from hiercls.cli.labels import register as register_labels
from hiercls.cli.launching import register as register_launching
from hiercls.cli.pool import register as register_pool
from hiercls.cli.prediction import register as register_prediction
from hiercls.cli.reshaping import register as register_reshaping
from hiercls.cli.scoring import register as register_scoring
from hiercls.cli.serving import register as register_serving
from hiercls.cli.taxonomy import register as register_taxonomy
from hiercls.cli.training import register as register_training
from hiercls.cli.tuning import register as register_tuning

GROUPS = (
    register_taxonomy,
    register_training,
    register_launching,
    register_tuning,
    register_prediction,
    register_scoring,
    register_evaluation,
    register_explanation,
    register_calibration,
    register_customer,
    register_labels,
    register_reshaping,
    register_serving,
    register_exporting,
    register_cache,
    register_compare,
    register_pool,
    register_benchmark,
    register_demo,
    register_doctor,
)
"""The groups in the order of the help; each adds its commands to the application."""


def build() -> typer.Typer:
    """The application with all command groups.

    Returns:
        A fresh application; calling it runs the command line.

    Example:
        >>> from typer.testing import CliRunner
        >>> CliRunner().invoke(build(), ["--version"]).output.startswith("hiercls ")
        True
    """
    app = typer.Typer(
        name="hiercls",
        cls=CommandLine,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Exit codes: 0 fine; 1 a problem with what you gave (said on stderr); 2 a command used wrongly; "
        "130 interrupted.",
    )

    @app.callback()
    def everything(
        version: Annotated[
            bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and stop.")
        ] = False,
    ) -> None:
        """Hierarchical label classification across customers: one model, everybody's classes."""

    for register in GROUPS:
        register(app)
    return app


def main() -> None:
    """Run the command line on the arguments of the process."""
    build()()
