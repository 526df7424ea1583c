"""All that one page shows.

Knows the parts of a page, not how they are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from hiercls.report.documents import Audited, Mistake
from hiercls.report.sectors import Sector
from hiercls.report.views import ViewPart

N_WEAKEST = 6
"""How many topics or classes are said to be weakest."""

LEAST_DOCUMENTS = 5
"""Sectors with fewer documents are not said to be weak."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contents:
    """What a report holds, in the order of the page.

    Args:
        name: What the report is about: the taxonomy, or the customer that it may be handed over to.
        customer: That customer; None: the page is for whoever runs the model.
        n_documents: The documents that were tested on.
        n_empty: Those of them without any text.
        views: The levels from the top, then the customers.
        sectors: The hierarchy, or the customer's grouping, coloured by accuracy.
        mistakes: The surest mistakes, by the title of the view that they were made at.
        teaching: What the labels can teach, in sentences.
        audits: What customers do against what they declare.
        settings: Versions and settings, by what they are called.
    """

    name: str
    customer: str | None
    n_documents: int
    n_empty: int
    views: Sequence[ViewPart]
    sectors: Sequence[Sector]
    mistakes: Mapping[str, Sequence[Mistake]]
    teaching: Sequence[str]
    audits: Sequence[Audited]
    settings: Mapping[str, str]

    @property
    def headlines(self) -> tuple[tuple[str, str], ...]:
        """The few numbers that say most, each with its words."""
        levels = [part for part in self.views if part.is_level and part.is_decided]
        customers = [part for part in self.customers if part.is_decided]
        found = [(f"{100 * part.scores.accuracy:.1f} %", f"right at level {part.name}") for part in levels[-1:]]
        if customers:
            right = mean(part.scores.accuracy for part in customers)
            whose = "your own classes" if self.customer else "the customers' own classes, on average"
            found.append((f"{100 * right:.1f} %", f"right in {whose}"))
        gains = [part.scores.accuracy - part.own for part in customers if part.own is not None]
        if gains:
            n_ahead = sum(part.verdict == "ahead" for part in customers)
            whom = "" if self.customer else f", clearly so for {n_ahead} of {len(gains)} customers"
            words = "points ahead of" if mean(gains) >= 0 else "points behind"
            found.append((f"{100 * abs(mean(gains)):.1f}", f"{words} own data alone{whom}"))
        if levels or customers:
            error = (levels or customers)[-1].probabilities.calibration_error
            found.append((f"{100 * error:.1f}", "points: how far probabilities are off, on average"))
        return tuple(found)

    @property
    def weakest(self) -> tuple[Sector, ...]:
        """The topics that are least often right; where no topic is known, the classes or nodes above them."""
        enough = [sector for sector in self.sectors if sector.n_documents >= LEAST_DOCUMENTS]
        parents = {sector.path[:-1] for sector in self.sectors}
        deepest = [sector for sector in enough if sector.path not in parents]
        distinct = {sector.name: sector for sector in deepest or enough}
        return tuple(sorted(distinct.values(), key=lambda sector: sector.accuracy)[:N_WEAKEST])

    @property
    def customers(self) -> tuple[ViewPart, ...]:
        """The customers among the views."""
        return tuple(part for part in self.views if not part.is_level)
