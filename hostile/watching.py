"""What loading does behind one's back: pickles read, addresses asked for, programs run; told by the interpreter itself.

``python -m hostile.watching FOLDER…`` loads everything that hiercls can load, and the model folders that are named,
under an audit hook, and prints what the hook saw. Knows doors; audit hooks last as long as the process does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

EVENTS = frozenset(
    {
        "pickle.find_class",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.sendto",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
    }
)
"""What no load may do."""


def watch() -> list[str]:
    """Begin to watch.

    Returns:
        A list that grows by what is seen.
    """
    seen: list[str] = []

    def hook(event: str, details: object) -> None:
        if event in EVENTS:
            seen.append(f"{event} {details!r}")

    sys.addaudithook(hook)
    return seen


def load_everything(folders: list[str]) -> None:
    """Load through every door what is whole, and the models in folders.

    Args:
        folders: Saved models.
    """
    from hiercls.estimator import HierarchicalTextClassifier
    from hostile.doors import DOORS
    from hostile.wholes import wholes

    for door, data in wholes():
        DOORS[door](data)
    for folder in folders:
        HierarchicalTextClassifier.from_pretrained(Path(folder)).predict(["The rocket left for Venus."])


if __name__ == "__main__":
    found = watch()
    load_everything(sys.argv[1:])
    print(json.dumps(found))
