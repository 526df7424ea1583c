"""Errors that are answers: what is not for a reader, and what is there already.

Knows sentences; knows no HTTP.
"""

from __future__ import annotations

from hiercls.errors import HierclsError


class ForbiddenError(HierclsError, PermissionError):
    """What a reader asks for is not for this reader."""


class TakenError(HierclsError, ValueError):
    """A name that somebody has already."""
