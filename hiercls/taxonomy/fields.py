"""The types of the fields of taxonomy and customer files: names, what stands below a node, a class's topics.

They check one value's shape, and describe it for the JSON Schema; not whether names agree with each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from hiercls.names import MAX_NAME_LENGTH, name_fault, view_name_fault

FORMAT_VERSION = 1
"""The version that a file states as ``hiercls: 1``."""


def _legal_name(name: str) -> str:
    fault = name_fault(name)
    if fault:
        raise PydanticCustomError("name", "{fault}", {"fault": fault})
    return name


def _legal_view_name(name: str) -> str:
    fault = view_name_fault(name)
    if fault:
        raise PydanticCustomError("name", "{fault}", {"fault": fault})
    return name


def _legal_version(version: Any) -> Any:
    if type(version) is not int or version != FORMAT_VERSION:
        raise PydanticCustomError("version", f"expected version {FORMAT_VERSION} of the format")
    return version


def _kind(value: Any) -> str:
    """The tag of a union's branch; a tag holds a control character, so that it is never a name."""
    if isinstance(value, dict):
        return "\0mapping"
    return "\0list" if isinstance(value, list) else "\0nothing" if value is None else "\0name"


def _union(expected: str) -> Any:
    return Discriminator(_kind, custom_error_type="kind", custom_error_message=f"expected {expected}")


Version = Annotated[
    int, BeforeValidator(_legal_version), WithJsonSchema({"const": FORMAT_VERSION, "description": "The format."})
]
"""The format's version."""

Name = Annotated[
    str,
    AfterValidator(_legal_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH}),
]
"""A name of a node or class."""

ViewName = Annotated[
    str,
    AfterValidator(_legal_view_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH}),
]
"""A name of a level or customer."""

if TYPE_CHECKING:  # mypy resolves no recursive alias that holds metadata
    Item = Any
    Below = Any
else:
    Item = TypeAliasType(
        "Item",
        Annotated[
            Annotated[Name, Tag("\0name")] | Annotated[dict[Name, "Below"], Tag("\0mapping")],
            _union("a name or a mapping"),
        ],
    )
    Below = TypeAliasType(
        "Below",
        Annotated[
            Annotated[None, Tag("\0nothing")]
            | Annotated[list[Item], Tag("\0list")]
            | Annotated[dict[Name, "Below"], Tag("\0mapping")],
            _union("a list or a mapping"),
        ],
    )

ClassTopics = Annotated[
    Annotated[Name, Tag("\0name")] | Annotated[list[Name], Tag("\0list")], _union("a topic or a list of topics")
]
"""What a customer's class holds: topics, or inner nodes that stand for all topics below them, or ``rest``."""


def _cost_kind(value: Any) -> str:
    return "\0mapping" if isinstance(value, dict) else "\0number"


Cost = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""What a wrong filing costs, in whatever unit the customer counts."""

Costs = Annotated[
    dict[Name, Annotated[Annotated[Cost, Tag("\0number")] | Annotated[dict[Name, Cost], Tag("\0mapping")],
                         Discriminator(_cost_kind)]],
    Field(
        description="What a wrong filing costs, 1 where nothing is said. 'D: 5': a document of D costs 5 wherever else "
        "it is filed; 'D: {ABC: 5}': where it is filed under ABC."
    ),
]  # fmt: skip
"""A customer's costs of wrong filings, by the class that is true."""

Classes = Annotated[
    dict[Name, ClassTopics],
    Field(
        description="Each class with its topics. An inner node stands for all topics below it; 'rest' for all topics "
        "that no other class of the customer names."
    ),
]
"""A customer's grouping."""
