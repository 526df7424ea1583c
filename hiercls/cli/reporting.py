"""The page that ``hiercls evaluate --report`` writes: its options, and what must be right before any work.

Knows options and files; what is measured for it is the study's, how it is written the report's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from hiercls.cli.app import note
from hiercls.cli.documents import LabelledDocuments, Skipping, read_labelled
from hiercls.errors import ConfigError, nearest, require
from hiercls.files import write_text
from hiercls.names import composed

if TYPE_CHECKING:
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.study.answers import Answers
    from hiercls.study.labelled import Labelled
    from hiercls.taxonomy import Taxonomy
    from hiercls.taxonomy.labels import ResolvedLabels

Report = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write all that was found out as one HTML page (extra report).")
]
ForCustomer = Annotated[
    str | None,
    typer.Option(
        "--customer", metavar="NAME", help="Make the page for this customer, with nothing of any other on it."
    ),
]
Training = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="What the model was trained on: the page says what a customer's own part alone gives."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page that was asked for.

    Args:
        path: Where it goes.
        customer: Whom it is for; None: whoever runs the model.
        training: The files that the model was trained on; empty: they are not looked at.
    """

    path: Path
    customer: str | None
    training: tuple[Path, ...]

    @classmethod
    def of(cls, report: Path | None, customer: str | None, training: list[Path] | None) -> Page | None:
        """What the options say.

        Args:
            report: Where the page goes; None: there is none.
            customer: Whom it is for.
            training: The files that the model was trained on.

        Returns:
            The page; None where there is none.

        Raises:
            BadParameter: If no page is asked for, but something about it.
            MissingExtraError: If jinja2 or plotly is not installed.
        """
        if report is None:
            if customer is not None or training:
                raise typer.BadParameter("--customer and --training are about the page of --report: give that, too")
            return None
        for module in ("jinja2", "plotly"):
            require(module, extra="report")
        name = None if customer is None else composed(customer)
        return cls(path=report, customer=name, training=tuple(training or ()))

    def read_training(self, taxonomy: Taxonomy, *, skip_bad: bool) -> LabelledDocuments | None:
        """Read what the model was trained on, and find out whether there is such a customer.

        Args:
            taxonomy: The model's map.
            skip_bad: Whether bad rows are left out; else they end the command.

        Returns:
            The documents; None where no file was given.

        Raises:
            ConfigError: If there is no such customer.
            DataError: If a file cannot be read.
        """
        if self.customer is not None and self.customer not in taxonomy.customers:
            raise ConfigError(f"unknown customer '{self.customer}'; {nearest(self.customer, taxonomy.customers)}")
        skipping = Skipping(bad=skip_bad, rejects=None)
        return read_labelled(taxonomy, self.training, skipping=skipping) if self.training else None

    def write(
        self,
        classifier: HierarchicalTextClassifier,
        answers: Answers,
        documents: LabelledDocuments,
        training: LabelledDocuments | None,
        *,
        about: Mapping[str, str],
    ) -> None:
        """Measure what is not measured yet, and write the page.

        Args:
            classifier: The model.
            answers: What it said of the documents.
            documents: The documents.
            training: Those that it was trained on.
            about: What is said of the model and the documents, on a page that is for nobody else.
        """
        from hiercls.report import render
        from hiercls.study.reporting import Evaluated, report_for, report_on_all

        known = None if training is None else _labelled(training)
        tested = Evaluated(documents=_labelled(documents), answers=answers, training=known)
        if self.customer is None:
            contents = report_on_all(classifier, tested, about=about)
        else:
            contents = report_for(classifier, tested, customer=self.customer)
        write_text(self.path, render(contents))
        note(f"wrote {self.path}")


def _labelled(documents: LabelledDocuments) -> Labelled:
    """Documents of one topic each, as studies take them."""
    from hiercls.study.labelled import Labelled

    return Labelled(rows=documents.rows, labels=cast("ResolvedLabels", documents.labels))
