"""What the report quotes of documents: the surest mistakes, and what an audit found.

Knows texts as they came; they are escaped where the page is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from hiercls.customers import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A document that got a wrong answer.

    Args:
        text: The document.
        truth: Its class.
        answer: The class it got.
        probability: How probable that was said to be.
        of_truth: How probable its class was said to be.
    """

    text: str
    truth: str
    answer: str
    probability: float
    of_truth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What a customer does against what it declares.

    Args:
        customer: Its name.
        n_documents: How many of its documents were looked at.
        findings: What is surely filed elsewhere, each with the texts of a few documents.
        unaudited: Topics of which others have too few documents to say.
        confounded: Topics, each with a class, that others' labels seldom tell apart, and that are not judged.
    """

    customer: str
    n_documents: int
    findings: tuple[tuple[Finding, tuple[str, ...]], ...]
    unaudited: tuple[str, ...]
    confounded: tuple[tuple[str, str], ...]
