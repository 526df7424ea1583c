"""The schema of taxonomy and customer files: which keys there are and what type each has.

The models check the shape of one file and give editors a JSON Schema. They do not know whether names agree with each
other: that is validation's work.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from hiercls.taxonomy.customer_spec import CustomerFileSpec, CustomerSpec, customer_form
from hiercls.taxonomy.fields import Below, Classes, Name, Version, ViewName

SCHEMA_FILE = "hiercls.schema.json"
"""The file name under which ``hiercls schema`` is saved beside taxonomies."""

MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""First line of generated files: editors that run the yaml-language-server then check while you type."""

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of the JSON Schema."""


class TaxonomySpec(BaseModel):
    """A taxonomy: topics in a hierarchy, and customers who group the topics each in their own way."""

    model_config = ConfigDict(extra="forbid", strict=True)

    hiercls: Version = Field(description="The version of the format: 1.")
    name: Name = Field("taxonomy", description="The taxonomy's name.")
    levels: list[ViewName] = Field(description="A name for every depth below the root; the last is the topics.")
    topics: Below = Field(description="The hierarchy: mappings nest, lists hold topics, 'W:' is a topic by itself.")
    multi_parent: list[Name] = Field([], description="The nodes that may stand below several parents.")
    about: dict[Name, str] = Field({}, description="One sentence on a node, for any node.")
    customers: dict[
        ViewName,
        Annotated[
            Annotated[Classes, Tag("\0plain")] | Annotated[CustomerSpec, Tag("\0long")],
            Discriminator(
                customer_form, custom_error_type="kind", custom_error_message="expected a mapping of classes to topics"
            ),
        ],
    ] = Field({}, description="Each customer: its classes with their topics, or {classes: …, partial: …}.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of taxonomy and customer files, for editors.

    Returns:
        A schema that checks a file with the key ``customer`` as a customer's, any other as a taxonomy.

    Example:
        >>> sorted(json_schema())
        ['$defs', '$schema', 'description', 'else', 'if', 'then', 'title']
    """
    from pydantic.json_schema import models_json_schema

    references, schema = models_json_schema([(CustomerFileSpec, "validation"), (TaxonomySpec, "validation")])
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "hiercls",
        "description": "A hiercls taxonomy, or one customer of a taxonomy.",
        "if": {"required": ["customer"]},
        "then": references[CustomerFileSpec, "validation"],
        "else": references[TaxonomySpec, "validation"],
        "$defs": schema["$defs"],
    }
