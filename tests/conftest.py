"""Fixtures of the tiny world: six topics under two areas, and three customers (design: one world everywhere)."""

from __future__ import annotations

import pytest

from hiercls.taxonomy import Taxonomy, shipped


@pytest.fixture(scope="session")
def tiny() -> Taxonomy:
    """The tiny world of ``taxonomies/tiny.yaml``."""
    return Taxonomy.from_yaml(shipped("tiny"))
