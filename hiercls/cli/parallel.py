"""The options of benchmarks whose runs go side by side.

Knows their names; how runs are shared out, ``study/parallel`` knows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Backends(StrEnum):
    """Where runs are made."""

    local = "local"
    ray = "ray"
    dask = "dask"


Backend = Annotated[
    Backends,
    typer.Option(
        "--backend",
        help="Processes of this machine, or a running cluster that RAY_ADDRESS or DASK_SCHEDULER_ADDRESS names.",
    ),
]
Workers = Annotated[int, typer.Option("--workers", help="Runs at once; -1: one a core.")]
