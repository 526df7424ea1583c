"""The command that says whose documents to pool: for each customer what the others' bring, in a table and a figure.

Knows how it is told; how it is foretold and measured, ``hiercls.study`` knows.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli.app import aligned, counted, note, to_json
from hiercls.cli.compare import FigureFile, read_documents
from hiercls.cli.documents import Device, Rejects, SkipBad, Skipping, device_of, shows_progress, warnings_said
from hiercls.cli.figures import check_figure, write_figure
from hiercls.cli.taxonomy import Customers, File, read_taxonomy
from hiercls.cli.training import Data, Encoder, MaxLength

if TYPE_CHECKING:
    from hiercls.study.labelled import Labelled
    from hiercls.study.paired import Difference
    from hiercls.study.pooled import Members, Worth
    from hiercls.taxonomy import Taxonomy

    Measured = Mapping[tuple[str, Members], Difference | None]

WIDTH = 100
"""Characters in a line."""

Verify = Annotated[bool, typer.Option("--verify", help="Train the model as well, with and without others; slow.")]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls pool taxonomies/tiny.yaml taxonomies/tiny.jsonl --figure pool.png")(pool)


def pool(
    taxonomy: File,
    data: Data,
    customer: Customers = None,
    verify: Verify = False,
    seeds: Annotated[int, typer.Option(min=1, help="With --verify: splits and training runs, from seed 0.")] = 3,
    encoder: Encoder = None,
    max_length: MaxLength = None,
    device: Device = None,
    figure: FigureFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Should a customer's documents go into the pool? What each customer gains by the others' documents.

    In place of the model a linear head is trained on the frozen encoder, in seconds, on every pair of customers, on
    all, and on the likeliest parts, and asked for documents that it has not seen. --verify trains the model itself on
    each customer's own documents, on all, and on the best part, with a fifth held out.
    """
    if figure is not None:
        check_figure(figure)
    whole = read_taxonomy(taxonomy, customer)
    documents = read_documents(whole, data, Skipping.of(skip_bad, rejects))
    given = {"encoder": encoder, "max_length": max_length, "device": device_of(device)}
    settings = {name: value for name, value in given.items() if value is not None}
    with warnings_said():
        worth = _forecast(whole, documents, settings)
        measured = _measure(whole, documents, worth, settings, range(seeds)) if verify else {}
    _warn(whole, documents)
    typer.echo(to_json(_to_dict(worth, measured)) if as_json else "\n".join(_lines(worth, measured)))
    if figure is not None:
        _draw(worth, figure)


def _forecast(taxonomy: Taxonomy, documents: Labelled, settings: Mapping[str, Any]) -> dict[str, Worth]:
    """What is foretold, with a bar where someone is looking."""
    from tqdm import tqdm

    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.study.pooled import forecast, n_sets

    encodings = HierarchicalTextClassifier(taxonomy, **settings).build_engine().encode(documents.texts)
    with tqdm(total=n_sets(taxonomy, documents), desc="pooling", unit="set", disable=not shows_progress()) as bar:
        return forecast(taxonomy, documents, encodings, seed=0, tick=bar.update)


def _measure(
    taxonomy: Taxonomy, documents: Labelled, worth: Mapping[str, Worth], settings: Mapping[str, Any], seeds: range
) -> Measured:
    """What training brings indeed."""
    from tqdm import tqdm

    from hiercls.study.labelled import owners_of
    from hiercls.study.pool_truth import measure, measured_gains, trained_sets
    from hiercls.study.splits import random_splits

    sets = trained_sets(worth, owners_of(taxonomy, documents).tolist())
    splits = random_splits(taxonomy, documents, fraction=0.2, seeds=seeds)
    with tqdm(total=len(splits) * len(sets), desc="training", unit="fit", disable=not shows_progress()) as bar:
        runs = [measure(split, sets, settings, tick=bar.update) for split in splits]
    return {(name, members): measured_gains(name, members, runs) for members, asked in sets.items() for name in asked}


def _warn(taxonomy: Taxonomy, documents: Labelled) -> None:
    """Say which topics nothing tells apart, of all documents together."""
    from hiercls.taxonomy.identifiability import identify

    views = sorted(set().union(*documents.labels.views))
    for gap in identify(taxonomy.topics, [taxonomy.view(name) for name in views]).gaps:
        note(f"of all documents together: {gap}")


def _lines(worth: Mapping[str, Worth], measured: Measured) -> list[str]:
    """The table, and a sentence for each customer."""
    head = ["customer", "documents", "own data", "with all others", "best with", "gain"]
    rows = [(*head, *(["measured, all", "measured, best"] if measured else []))]
    for name, one in worth.items():
        best = ", ".join(one.best) if _is_part(one) else "all others"
        cells = [name, f"{one.n_documents:,}", f"{one.own:.3f}", points(one.by_all), best, points(one.by_best)]
        if measured:
            cells += [points(_measured(name, one, measured, whole=whole)) for whole in (True, False)]
        rows.append(tuple(cells))
    notes = (
        "Own data: accuracy that a customer's documents alone give, on documents not learnt from. Gains in points ± "
        "half of the 95 % interval."
    )
    return [*aligned(rows), "", _filled(notes), "", *(_filled(sentence(name, one)) for name, one in worth.items())]


def sentence(name: str, worth: Worth) -> str:
    """What a customer should do, and how sure that is.

    Args:
        name: The customer.
        worth: What pooling is worth to it.

    Returns:
        The sentence.
    """
    gain = worth.by_all
    low, high = (100 * end for end in gain.interval)
    span = f"{100 * gain.mean:+.1f} points, {low:+.1f} to {high:+.1f}".replace("-", "−")
    if not gain.is_clear:
        found = f"{name}: all others' documents help with a probability of {gain.chance:.0%} ({span})"
    elif gain.mean > 0:
        found = f"{name}: pool it; all others' documents help ({span})"
    else:
        found = f"{name}: keep it apart; all others' documents harm ({span})"
    if _is_part(worth):
        best = f"{100 * worth.by_best.mean:+.1f}".replace("-", "−")
        return f"{found}; with {', '.join(worth.best)} alone it would be {best}."
    return f"{found}."


def points(gain: Difference | None) -> str:
    """A gain in points ± half of its interval; a dash where there is none."""
    if gain is None:
        return "–"
    low, high = gain.interval
    return f"{100 * gain.mean:+.1f} ± {50 * (high - low):.1f}".replace("-", "−")


def _is_part(worth: Worth) -> bool:
    """Whether fewer than all others help most."""
    return len(worth.best) < len(worth.by_each)


def _measured(name: str, worth: Worth, measured: Measured, *, whole: bool) -> Difference | None:
    """What the model gained by all others, or by the best of them."""
    return measured[name, frozenset({name, *(worth.by_each if whole else worth.best)})]


def _filled(text: str) -> str:
    return textwrap.fill(text, width=WIDTH, break_on_hyphens=False, break_long_words=False)


def _to_dict(worth: Mapping[str, Worth], measured: Measured) -> dict[str, Any]:
    """What was found as plain data."""
    return {
        name: {
            "documents": one.n_documents,
            "own": one.own,
            "by_each": {other: _plain(gain) for other, gain in one.by_each.items()},
            "by_all": _plain(one.by_all),
            "best": list(one.best),
            "by_best": _plain(one.by_best),
            **(
                {
                    "measured": {
                        "by_all": _plain(_measured(name, one, measured, whole=True)),
                        "by_best": _plain(_measured(name, one, measured, whole=False)),
                    }
                }
                if measured
                else {}
            ),
            "verdict": sentence(name, one),
        }
        for name, one in worth.items()
    }


def _plain(gain: Difference | None) -> dict[str, Any] | None:
    """A gain as JSON has it."""
    return None if gain is None else {"mean": gain.mean, "error": gain.error, "interval": list(gain.interval)}


def _draw(worth: Mapping[str, Worth], file: Path) -> None:
    """The figure."""
    from hiercls.plots.helping import Square, plot_helping

    def square(gain: Difference) -> Square:
        return Square(points=100 * gain.mean, is_clear=gain.is_clear)

    owners: Sequence[str] = sorted({other for one in worth.values() for other in one.by_each})
    rows = {
        f"{name} ({one.n_documents:,})": {
            **{other: square(gain) for other, gain in one.by_each.items()},
            "all others": square(one.by_all),
            "the best of them": square(one.by_best),
        }
        for name, one in worth.items()
    }
    subtitle = (
        f"Points of accuracy by others' documents, foretold for {counted(len(worth), 'customer')}; bold: clearly not 0"
    )
    columns = [*owners, "all others", "the best of them"]
    write_figure(lambda: plot_helping(rows, columns, n_last=2, title="Who helps whom", subtitle=subtitle), file)
