"""The demo: everything that hiercls is for, once, on real texts and without a network.

Knows how it is told; what is trained and compared, ``hiercls.study.demo`` knows.
"""

from __future__ import annotations

import shlex
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import aligned, counted, note
from hiercls.cli.documents import program, shows_progress, warnings_said
from hiercls.errors import require
from hiercls.files import replacing, write_text

if TYPE_CHECKING:
    from hiercls.data.pydocs import Pydocs
    from hiercls.study.demo import Comparison
    from hiercls.study.union import Protocol
    from hiercls.taxonomy import Taxonomy, View

SENTENCE = "Compute the eigenvalues and eigenvectors of a symmetric matrix."
"""What the next command asks about."""

WIDTH = 100
"""Characters in a line."""


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls demo -o demo-output")(demo)


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model and the figure go.")
    ] = Path("demo-output"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split, the deal and all training.")] = 0,
) -> None:
    """Train one model on three customers' coarse labels and onboard a fourth from YAML alone, offline, in minutes.

    The documents are docstrings of the libraries that hiercls installs. Every number is measured as it runs.
    """
    require("matplotlib", extra="plots")
    start = time.perf_counter()
    from hiercls.data.pydocs import load_pydocs
    from hiercls.taxonomy import Taxonomy, shipped

    taxonomy = Taxonomy.from_yaml(shipped("pydocs"))
    _tell_taxonomy(taxonomy)
    note("reading the docstrings and loading the encoder")
    corpus = load_pydocs()
    from hiercls.study.demo import compare, demo_classifier, demo_protocol, train_union

    protocol, classifier = demo_protocol(corpus, taxonomy, seed=seed), demo_classifier(taxonomy)
    _tell_documents(protocol, corpus, max_length=classifier.encoder_config().max_length)
    note("encoding and training; the encoder's pace decides how long it takes")
    with warnings_said():
        train_union(protocol, classifier.set_params(verbose=shows_progress()))
    trained = compare(protocol, classifier, views=classifier.taxonomy_.views)
    _tell_comparison(trained, protocol)
    customer = _write_customer(taxonomy.view(protocol.newcomer), output)
    classifier.add_customer(customer)
    onboarded = compare(protocol, classifier, views=[protocol.newcomer])
    _tell_onboarding(onboarded, customer)
    classifier.save_pretrained(output / "model")
    _draw([*trained, *onboarded], protocol, output / "accuracy.png")
    _tell_next(output, protocol, seconds=time.perf_counter() - start)


def _tell_taxonomy(taxonomy: Taxonomy) -> None:
    """The map, as ``hiercls check`` shows it."""
    from hiercls.cli.checking import Findings

    _title("The map")
    typer.echo("\n".join(Findings.of(taxonomy, file=taxonomy.name).lines()))


def _tell_documents(protocol: Protocol, corpus: Pydocs, *, max_length: int) -> None:
    """What is learnt from and what is tested on."""
    sources = ", ".join(f"{library} {version}" for library, version in corpus.versions.items())
    hands = protocol.deal()
    rank = protocol.taxonomy.identifiability(protocol.customers).rank
    dealt = ", ".join(f"{name} {len(hands[name]):,}" for name in protocol.customers)
    n_training, n_test = len(protocol.training.texts), len(protocol.test.texts)
    _title("The documents")
    _say(f"{len(corpus.texts):,} docstrings of {sources}; the libraries' names are masked.")
    _say(
        f"{n_test:,} are held out as the test, topic by topic, duplicates on one side. The other {n_training:,} are "
        f"dealt out at random: {dealt}. Each customer keeps nothing but its own coarse class of a document; nobody has "
        f"a topic. The groupings of these {len(hands) - 1} alone have rank {rank} of {len(protocol.taxonomy.topics)}."
    )
    _say(
        f"all-MiniLM-L6-v2, frozen, reads the first {max_length} tokens of each; the cascaded heads are trained, and "
        "words are counted beside them."
    )


def _tell_comparison(comparisons: Sequence[Comparison], protocol: Protocol) -> None:
    """One model beside the customers' own data, and plainly who wins."""
    n_test = len(protocol.test.texts)
    _title(f"One model for all, beside each customer's own data alone (accuracy on {n_test:,} test documents)")
    rows: list[tuple[str, ...]] = [("", "classes", "documents", "one model", "own data", "difference")]
    for one in comparisons:
        kind = "customer" if one.view in protocol.customers else "level"
        own = ("–", "") if one.own is None else (_percent(one.own), _difference(one))
        n_documents = f"{one.n_documents:,}" if one.n_documents else "none"
        rows.append((f"{kind} {one.view}", str(one.n_classes), n_documents, _percent(one.union), *own))
    typer.echo("\n".join([*aligned(rows), ""]))
    _say(
        "Own data: the best, on these test documents, of logistic regression on the same encodings and LinearSVC and "
        "ComplementNB on TF-IDF, tuned on the customer's own documents. Differences are in points ± their standard "
        "error over the test documents (one split, one seed). Own "
        "data alone answers at no level: no customer has such labels."
    )
    for line in _verdicts(comparisons):
        _say(line)


def _verdicts(comparisons: Sequence[Comparison]) -> list[str]:
    """Who gains by pooling and who loses, a difference below two standard errors being neither."""
    found: dict[str, list[str]] = {"wins for": [], "loses for": [], "makes no clear difference for": []}
    for one in comparisons:
        if one.difference is None or one.deviation is None:
            continue
        clear = abs(one.difference) > 2 * one.deviation
        verdict = ("wins for" if one.difference > 0 else "loses for") if clear else "makes no clear difference for"
        found[verdict].append(one.view)
    return [f"Pooling {verdict} {', '.join(names)}." for verdict, names in found.items() if names]


def _write_customer(view: View, output: Path) -> Path:
    """A customer's own file, as the customer would send it."""
    from hiercls.taxonomy.writing import to_yaml

    classes = {name: list(view.topics_of(name)) for name in view.classes}
    file = output / f"{view.name}.yaml"
    write_text(file, to_yaml({"customer": view.name, "classes": classes}))
    return file


def _tell_onboarding(comparisons: Sequence[Comparison], customer: Path) -> None:
    """How the newcomer fares from its first minute."""
    for one in comparisons:
        _title(f"A new customer, onboarded from {customer} alone")
        _say(
            f"{one.view}: {one.n_classes} classes, no document and no training: {_percent(one.union)} of the test "
            "documents get the right class."
        )


def _draw(comparisons: Sequence[Comparison], protocol: Protocol, file: Path) -> None:
    """The customers' bars."""
    from hiercls.plots import Pair, plot_union

    pairs = [
        Pair(name=one.view, note=_brought(one), union=one.union, own=one.own)
        for one in comparisons
        if one.view in protocol.taxonomy.customers
    ]
    subtitle = f"Accuracy in the customers' own classes, {len(protocol.test.texts):,} test documents, one seed"
    title = "One model on everybody's coarse labels"
    with replacing(file) as aside:
        plot_union(pairs, title=title, subtitle=subtitle).savefig(aside, format="png", dpi=200)


def _brought(one: Comparison) -> str:
    """What a customer brought."""
    return counted(one.n_documents, "document") if one.n_documents else "new: its YAML alone"


def _tell_next(output: Path, protocol: Protocol, *, seconds: float) -> None:
    """Where everything is, and what to type next."""
    _title(f"Done in {seconds:.0f} seconds")
    names = ("accuracy.png", f"{protocol.newcomer}.yaml", "model")
    _say(f"In {output}: {', '.join(names)}. Now ask it:")
    model = shlex.quote(str(output / "model"))
    typer.echo(f"\n  echo {shlex.quote(SENTENCE)} | {program()} predict {model} - --at {protocol.newcomer}")


def _title(text: str) -> None:
    typer.echo(f"\n{typer.style(text, bold=True)}\n")


def _say(text: str) -> None:
    typer.echo(textwrap.fill(text, width=WIDTH, break_on_hyphens=False))


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _difference(one: Comparison) -> str:
    points, deviation = 100 * (one.difference or 0.0), 100 * (one.deviation or 0.0)
    return f"{points:+.1f} ± {deviation:.1f}".replace("-", "−")
