"""The report: what a model's answers are worth, as one HTML file that asks nothing of the network.

Knows what a page shows and how it is written; what is measured for it, ``hiercls.study.reporting`` knows. Needs the
extra ``report`` where a page is written.
"""

from hiercls.report.contents import Contents
from hiercls.report.documents import Audited, Mistake
from hiercls.report.page import render
from hiercls.report.sectors import Sector, class_sectors, hierarchy_sectors
from hiercls.report.views import ClassScores, ViewPart

__all__ = [
    "Audited",
    "ClassScores",
    "Contents",
    "Mistake",
    "Sector",
    "ViewPart",
    "class_sectors",
    "hierarchy_sectors",
    "render",
]
