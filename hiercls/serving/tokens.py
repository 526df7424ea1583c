"""Who asks, and what they may see: bearer tokens for all, or for one customer alone.

Knows names and secrets; knows no model and no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hiercls.errors import ConfigError
from hiercls.names import composed
from hiercls.taxonomy.reading import read_document

N_CHARACTERS = 16
"""The shortest token, in characters."""
_LEGAL = re.compile(rf"[A-Za-z0-9._~+/=-]{{{N_CHARACTERS},}}")
_FORM = "{admin: a token, customers: {a customer's name: a token}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whoever asks.

    Args:
        customer: The customer whose classes are all that is seen; None: everything is.
        changes: Whether customers may be added.
    """

    customer: str | None = None
    changes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The bearer tokens that a server knows; with none, everybody sees everything and nobody changes anything.

    Args:
        admin: The token that sees everything and may add customers; None: there is none.
        customers: Tokens by customer; each sees that customer's classes alone.

    Example:
        >>> tokens = Tokens(admin="0123456789abcdef", customers={"one": "fedcba9876543210"})
        >>> tokens.reader("fedcba9876543210")
        Reader(customer='one', changes=False)
        >>> Tokens().reader(None)
        Reader(customer=None, changes=False)
    """

    admin: str | None = field(default=None, repr=False)
    customers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse tokens that can be guessed, that no header can carry, or that two share; none is ever quoted."""
        named = {"'admin'": self.admin, **{f"customer '{name}'": token for name, token in self.customers.items()}}
        given = {name: token for name, token in named.items() if token is not None}
        for name, token in given.items():
            if not _LEGAL.fullmatch(token):
                raise ConfigError(
                    f"expected the token of {name} to be {N_CHARACTERS} or more letters, digits and -._~+/=; "
                    "make one with: openssl rand -hex 32"
                )
        if len(set(given.values())) < len(given):
            raise ConfigError(f"expected different tokens, but some of {', '.join(given)} share one")

    @classmethod
    def from_yaml(cls, path: str | Path) -> Tokens:
        """Read tokens from a file.

        Args:
            path: A YAML file with ``admin``, ``customers`` or both.

        Returns:
            The tokens.

        Raises:
            ConfigError: If it cannot be read, or says something else; it is never quoted.
        """
        try:
            document = read_document(Path(path).read_text(encoding="utf-8") + "\n")
        except OSError as error:
            raise ConfigError(f"cannot read the tokens '{path}': {error.strerror}") from error
        except UnicodeDecodeError:
            raise ConfigError(f"expected '{path}' to be YAML in the form {_FORM}") from None
        data = None if document.problems else document.data
        customers = data.get("customers", {}) if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(customers, dict) or set(data) - {"admin", "customers"}:
            raise ConfigError(f"expected '{path}' to be YAML in the form {_FORM}")
        texts = [data.get("admin") or "", *customers, *customers.values()]
        if not data or not all(isinstance(text, str) for text in texts):
            raise ConfigError(
                f"expected names and tokens in '{path}' in the form {_FORM}; quote what looks like a number"
            )
        return cls(admin=data.get("admin"), customers={composed(name): token for name, token in customers.items()})

    @property
    def needed(self) -> bool:
        """Whether a request must bring one."""
        return self.admin is not None or bool(self.customers)

    def reader(self, token: str | None) -> Reader | None:
        """Who a token is of.

        Args:
            token: The token that a request brings, if any.

        Returns:
            The reader; None where a token is needed and this is none of them.
        """
        if not self.needed:
            return Reader()
        readers = [(secret, Reader(customer=name)) for name, secret in self.customers.items()]
        if self.admin is not None:
            readers.append((self.admin, Reader(changes=True)))
        found, given = None, _digest(token or "")
        for secret, reader in readers:  # all of them, so that time tells nothing
            if hmac.compare_digest(_digest(secret), given):
                found = reader
        return found


def _digest(token: str) -> bytes:
    """A token as bytes of one length."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
