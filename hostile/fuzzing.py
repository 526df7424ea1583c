"""Fuzzing: atheris makes input up, led by the branches that it reaches; ``python -m hostile.fuzzing TARGET SECONDS``.

What it finds to be new is added to ``hostile/corpus/TARGET.jsonl``, from which it starts next time; what makes hiercls
fail goes to ``hostile/crashes``. ``tests/hostile`` brings both to the doors for ever after. Knows doors and atheris.
"""

from __future__ import annotations

import base64
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).parent
CORPUS, CRASHES = HERE / "corpus", HERE / "crashes"
TARGETS = ("yaml", "data", "labels", "model")
READERS = ("csv", "tsv", "jsonl", "stream")


def corpus(target: str) -> list[bytes]:
    """The inputs that fuzzing of a target starts from.

    Args:
        target: As in ``knock``.

    Returns:
        The inputs.
    """
    return [base64.b64decode(line) for line in (CORPUS / f"{target}.jsonl").read_text().splitlines()]


def keep(target: str, folder: Path) -> int:
    """Keep the inputs of a folder as a target's corpus.

    Args:
        target: As in ``knock``.
        folder: Where libFuzzer wrote them.

    Returns:
        How many there are.
    """
    inputs = sorted({file.read_bytes() for file in folder.iterdir()}, key=lambda data: (len(data), data))
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target}.jsonl").write_text("".join(base64.b64encode(data).decode() + "\n" for data in inputs))
    return len(inputs)


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
    """Fuzz one target in a process of its own, and keep what it finds.

    Args:
        target: As in ``knock``.
        seconds: How long.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(corpus(target)):
            Path(folder, str(number)).write_bytes(data)
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={CRASHES}/{target}-", "-timeout=60"]
        options += ["-rss_limit_mb=4096", "-max_len=8192", "-print_final_stats=1"]
        run = subprocess.run(
            [sys.executable, "-m", "hostile.fuzzing", "--within", target, *options, folder], check=False
        )
        busy = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime / 60
        print(f"{keep(target, Path(folder))} inputs are kept for {target}; {busy:.0f} minutes of processor time")
    sys.exit(run.returncode)


def within(target: str, *options: str) -> None:
    """Fuzz one target in this process, which ends with it.

    Args:
        target: As in ``knock``.
        *options: libFuzzer's.
    """
    import atheris

    with atheris.instrument_imports(include=["hiercls", "yaml", "json"]):
        import hostile.doors  # what is imported here is watched

    hostile.doors.saved_file("config.json")
    CRASHES.mkdir(exist_ok=True)
    atheris.Setup([sys.argv[0], *options], lambda data: noted(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    within(*sys.argv[2:]) if sys.argv[1] == "--within" else main(*sys.argv[1:])
