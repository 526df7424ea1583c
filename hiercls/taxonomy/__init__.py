"""The map: topics, their hierarchy, and every customer's classes over them.

Knows no documents but their labels, and no torch: importing it is quick.
"""

from hiercls.taxonomy.identifiability import Identifiability
from hiercls.taxonomy.labels import Resolution, ResolvedLabels, resolve
from hiercls.taxonomy.shipped import shipped
from hiercls.taxonomy.spec import json_schema
from hiercls.taxonomy.taxonomy import Taxonomy
from hiercls.taxonomy.view import View

__all__ = [
    "Identifiability",
    "Resolution",
    "ResolvedLabels",
    "Taxonomy",
    "View",
    "json_schema",
    "resolve",
    "shipped",
]
