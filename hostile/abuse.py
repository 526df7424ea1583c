"""Brings the catalogue to the doors; ``python -m hostile.abuse`` says what was refused, how fast, in how much memory.

Knows the catalogue and the doors; a fault ends in exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from hostile.catalogue import Case, catalogue
from hostile.doors import DOORS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case.

    Args:
        door: Its door.
        kind: Its kind.
        became: ``refused``, ``answered`` or ``fault``.
        seconds: Seconds of processor time that it took, of all threads.
        megabytes: By how much the process grew meanwhile, at its largest; 0 where the system does not tell.
        said: The error, where there was one.
    """

    door: str
    kind: str
    became: str
    seconds: float
    megabytes: float
    said: str


def knock(case: Case) -> Outcome:
    """Bring a case to its door.

    Args:
        case: The case.

    Returns:
        What became of it.
    """
    from hiercls.errors import HierclsError

    data = case.make()
    before, begun = _resident(), time.process_time()
    _forget_peak()
    became, said = "answered", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            DOORS[case.door](data)
    except HierclsError as error:
        became, said = "refused", str(error)[:300]
    except Exception as error:
        step = [step for step in traceback.extract_tb(error.__traceback__) if "hiercls/" in step.filename][-1:]
        where = f" ({Path(step[0].filename).name}:{step[0].lineno})" if step else ""
        became, said = "fault", f"{type(error).__name__}{where}: {str(error)[:300]}"
    seconds = time.process_time() - begun
    grown = max(0.0, _resident("VmHWM") - before)
    return Outcome(door=case.door, kind=case.kind, became=became, seconds=seconds, megabytes=grown, said=said)


def _resident(field: str = "VmRSS") -> float:
    """The process's memory in megabytes, as Linux tells it."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024
    except OSError:
        return 0.0


def _forget_peak() -> None:
    """Have Linux measure the largest size from now on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def report(outcomes: Iterable[Outcome]) -> str:
    """A table by door, and the worst of all.

    Args:
        outcomes: What became of the cases.

    Returns:
        Markdown.
    """
    found = list(outcomes)
    counts = Counter((one.door, one.became) for one in found)
    lines = [
        "| door | tried | refused | answered | faults | slowest, s | most memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for door in [*dict.fromkeys(one.door for one in found), "all"]:
        own = [one for one in found if door in (one.door, "all")]
        n_by = [sum(counts[name, became] for name in DOORS if door in (name, "all")) for became in BECAME]
        slowest, largest = max((one.seconds for one in own), default=0), max((one.megabytes for one in own), default=0)
        lines.append(f"| {door} | {len(own)} | {' | '.join(map(str, n_by))} | {slowest:.2f} | {largest:.0f} |")
    refused = [one for one in found if one.became == "refused"]
    for name, key in (("slowest", "seconds"), ("largest", "megabytes")) if refused else ():
        worst = max(refused, key=lambda one: getattr(one, key))
        lines.append(
            f"\nThe {name} refusal: {worst.door}, {worst.kind}: {worst.seconds:.2f} s, {worst.megabytes:.0f} MB."
        )
    lines += [f"\nFAULT {one.door}, {one.kind}: {one.said}" for one in found if one.became == "fault"]
    return "\n".join(lines)


BECAME = ("refused", "answered", "fault")


def main() -> int:
    """Run the whole catalogue, or a part.

    Returns:
        The exit code: 1 where there are faults.
    """
    parser = argparse.ArgumentParser(prog="python -m hostile.abuse")
    parser.add_argument("--door", help="this door alone")
    parser.add_argument("--every", type=int, default=1, help="every nth case alone")
    parser.add_argument("--json", type=Path, help="where to write all outcomes")
    given = parser.parse_args()
    cases = [case for case in catalogue() if given.door in (None, case.door)][:: given.every]
    outcomes = [knock(case) for case in cases]
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=1))
    print(report(outcomes))
    return int(any(one.became == "fault" for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
