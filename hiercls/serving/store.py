"""The customers that were added to a running server, kept for its next start.

Knows one file beside the model; the model's own folder is never touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hiercls.errors import ModelFolderError
from hiercls.files import lock_beside, locked, write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStore:
    """A JSON file with the YAML of each added customer, by name, in the order of their addition.

    Args:
        path: The file; where there is none, nothing was added yet.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = CustomerStore.beside(Path(folder, "model"))
        ...     with store.changing() as customers:
        ...         customers["acme"] = "{customer: acme, classes: {All: rest}}"
        ...     store.path.name, store.read()
        ('model.customers.json', {'acme': '{customer: acme, classes: {All: rest}}'})
    """

    path: Path

    @classmethod
    def beside(cls, model: Path) -> CustomerStore:
        """The store of a model's folder."""
        folder = model.resolve()
        return cls(path=folder.with_name(f"{folder.name}.customers.json"))

    def read(self) -> dict[str, str]:
        """The YAML texts by customer.

        Returns:
            As they were written; empty where there is no file.

        Raises:
            ModelFolderError: If the file cannot be read, or is no such file.
        """
        try:
            customers = json.loads(self.path.read_text(encoding="utf-8"))["customers"]
            return {str(one["customer"]): str(one["yaml"]) for one in customers}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ModelFolderError(f"cannot read the added customers '{self.path}': {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelFolderError(
                f"'{self.path}' does not hold the customers that were added to the server; move it away to start anew"
            ) from error

    @contextmanager
    def changing(self) -> Iterator[dict[str, str]]:
        """Change what is kept while no other server does: what is in the mapping when the block ends well is kept.

        Yields:
            The YAML texts by customer as they are now, those included that other servers have added meanwhile.

        Raises:
            ModelFolderError: If the file cannot be read, or is no such file.
            OSError: If it cannot be written; then it is as it was.
        """
        with locked(lock_beside(self.path), wait=True):
            customers = self.read()
            yield customers
            entries = [{"customer": name, "yaml": text} for name, text in customers.items()]
            write_text(self.path, json.dumps({"customers": entries}, ensure_ascii=False, indent=1) + "\n")
