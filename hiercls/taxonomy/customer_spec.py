"""The schema of customers, inside a taxonomy and in a file of their own.

Checks the shape; not whether the topics that a customer names exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hiercls.taxonomy.fields import FORMAT_VERSION, Classes, Costs, Version, ViewName

CUSTOMER_FLAGS = ("partial", "overlapping")
"""The yes/no keys of a customer's long form."""

CUSTOMER_KEYS = ("classes", *CUSTOMER_FLAGS, "costs")
"""The keys of a customer's long form."""


class CustomerSpec(BaseModel):
    """A customer in its long form, inside a taxonomy."""

    model_config = ConfigDict(extra="forbid", strict=True)

    classes: Classes
    partial: bool = Field(False, description="Whether topics may be left out of all classes.")
    overlapping: bool = Field(False, description="Whether a topic may be in several classes.")
    costs: Costs = {}


class CustomerFileSpec(CustomerSpec):
    """A customer in a file of its own."""

    hiercls: Version = Field(FORMAT_VERSION, description="The version of the format: 1.")
    customer: ViewName = Field(description="The customer's name.")


def customer_form(value: Any) -> str:
    """The tag of the form in which a customer is written."""
    if not isinstance(value, dict):
        return "\0other"
    flagged = any(isinstance(value.get(flag), bool) for flag in CUSTOMER_FLAGS)
    return "\0long" if flagged or isinstance(value.get("classes"), dict) else "\0plain"


def is_long_form(customer: Mapping[str, object]) -> bool:
    """Whether a customer is written as ``{classes: …, partial: …}`` and not as a mapping of classes to topics.

    Args:
        customer: The customer's entry under ``customers``.

    Returns:
        Whether ``classes`` holds a mapping, or ``partial`` or ``overlapping`` a yes/no value. A class never does.

    Example:
        >>> is_long_form({"classes": {"AB": ["A", "B"]}}), is_long_form({"classes": ["A", "B"], "C": "C"})
        (True, False)
    """
    return customer_form(customer) == "\0long"
