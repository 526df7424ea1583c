"""Fuzzing: atheris makes input up, led by the branches that it reaches; ``python -m hostile.fuzzing TARGET SECONDS``.

What it finds to be new goes to ``hostile/corpus/TARGET``, where it starts from next time; what makes hiercls fail goes
to ``hostile/crashes``, whose files ``tests/hostile`` runs for ever after. Knows doors and atheris.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent
CORPUS, CRASHES = HERE / "corpus", HERE / "crashes"
READERS = ("csv", "tsv", "jsonl", "stream")


def knock(target: str, data: bytes) -> None:
    """Bring bytes to a target; whatever is no HierclsError is raised.

    Args:
        target: ``yaml``, ``data``, ``labels`` or ``model``.
        data: For ``yaml`` and ``data`` the first byte chooses among the target's doors.
    """
    from hiercls.errors import HierclsError
    from hostile.doors import DOORS

    doors = {"yaml": ("taxonomy", "customer"), "data": READERS, "labels": ("labels",), "model": ("model",)}[target]
    place, rest = (data[0] if data else 0, data[1:]) if len(doors) > 1 else (0, data)
    if target == "labels":
        rest = labels_of(rest)
    with contextlib.suppress(HierclsError):
        DOORS[doors[place % len(doors)]](rest)


def labels_of(data: bytes) -> bytes:
    """Any bytes as rows with labels: lines are rows, tabs divide text, view and name, and the customer."""
    rows = []
    for line in data.decode("utf-8", "replace").split("\n"):
        text, *cells = line.split("\t")
        owner = cells.pop() if len(cells) % 2 else None
        pairs = [[view or None, name] for view, name in zip(cells[::2], cells[1::2], strict=True)]
        rows.append([text, pairs, owner])
    return json.dumps(rows).encode()


def noted(target: str, data: bytes) -> None:
    """Knock, and keep what makes hiercls fail, one input a place in the code, so that the search goes on."""
    try:
        knock(target, data)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        own = [f"{Path(step.filename).stem}-{step.lineno}" for step in where if "hiercls/" in step.filename]
        kept = CRASHES / f"{target}-{type(error).__name__}-{own[-1] if own else 'unknown'}"
        if not kept.exists():
            kept.write_bytes(data)
            print(f"CRASH {kept.name}: {str(error)[:200]}", flush=True)


def main(target: str, seconds: str = "1800") -> None:
    """Fuzz one target.

    Args:
        target: As in ``knock``.
        seconds: How long.
    """
    import atheris

    with atheris.instrument_imports(include=["hiercls", "yaml", "json"]):
        import hostile.doors  # what is imported here is watched

    hostile.doors.saved_file("config.json")

    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    CRASHES.mkdir(exist_ok=True)
    begun = time.time()
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={CRASHES}/{target}-",
        "-timeout=20",
        "-rss_limit_mb=4096",
        "-max_len=65536" if target == "model" else "-max_len=8192",
        "-print_final_stats=1",
    ]
    print(f"fuzzing {target} from {time.ctime(begun)}", flush=True)
    atheris.Setup([sys.argv[0], *options, str(CORPUS / target)], lambda data: noted(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
