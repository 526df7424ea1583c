"""What a model's answers are worth, as figures that need no reading of tables.

Knows what is drawn and how it is titled; how it is drawn, ``hiercls.plots`` knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hiercls.decoding import operating_curve
from hiercls.files import replacing
from hiercls.metrics import top_reliability
from hiercls.plots import Diagram, confusion, plot_confusion, plot_operating_curve, plot_reliability, plot_risk_coverage
from hiercls.study.answers import Answers
from hiercls.study.evaluation import caution

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(answers: Answers, *, before: Answers | None = None, on: str | None = None) -> Iterator[tuple[str, Figure]]:
    """Draw what the answers are worth: can the probabilities be believed, what does caution buy, what is confused.

    Args:
        answers: Probabilities and truths at every view.
        before: The same as they were before the calibration; None: they are not shown.
        on: On which documents, in words; None: their number is said.

    Yields:
        Each figure with its name: ``reliability``, ``risk-coverage``, ``operating-curve``, and ``confusion-VIEW`` for
        every view. What cannot be drawn, since no label decides it, is left out.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    on = f"{answers.n_documents:,} labelled documents" if on is None else on
    taxonomy = answers.taxonomy
    decided = [name for name in taxonomy.views if (answers.truths[name] >= 0).any()]
    if decided:
        yield "reliability", _reliability(answers, before, decided, on=on)
    if taxonomy.levels[-1] in decided:
        both = caution(answers)
        curves = {"coarser answers where uncertain": both.hierarchical, "no answer where uncertain": both.flat}
        yield (
            "risk-coverage",
            plot_risk_coverage(curves, title="How often answers are wrong, by how much is answered", subtitle=on),
        )
        curve = operating_curve(answers.topics, answers.topic_truth, taxonomy=taxonomy)
        yield (
            "operating-curve",
            plot_operating_curve(curve, title="How often answers are right, by how specific they are", subtitle=on),
        )
    for name in decided:
        view = taxonomy.view(name)
        found = confusion(answers.classes[name].argmax(axis=1), answers.truths[name], view=view, taxonomy=taxonomy)
        title = f"What is taken for what: {'level' if name in taxonomy.levels else 'customer'} {name}"
        yield f"confusion-{name}", plot_confusion(found, title=title, subtitle=on)


def save_figures(folder: Path, drawn: Iterator[tuple[str, Figure]]) -> list[Path]:
    """Write figures as PNG, each whole or not at all.

    Args:
        folder: Where to; it is made where it is missing.
        drawn: The figures with their names.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, figure in drawn:
        files.append(folder / f"{_file_name(name)}.png")
        with replacing(files[-1]) as aside:
            figure.savefig(aside, format="png", dpi=150)
    return files


def _reliability(answers: Answers, before: Answers | None, views: list[str], *, on: str) -> Figure:
    """A panel for every view."""
    diagrams = []
    for name in views:
        truth = answers.truths[name]
        diagrams.append(
            Diagram(
                name=name,
                note=f"{answers.classes[name].shape[1]} classes, {int((truth >= 0).sum()):,} documents",
                bins=top_reliability(answers.classes[name], truth),
                before=None if before is None else top_reliability(before.classes[name], truth),
            )
        )
    return plot_reliability(diagrams, title="Are answers right as often as their probabilities say?", subtitle=on)


def _file_name(name: str) -> str:
    """A name that every file system takes, and no path."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
