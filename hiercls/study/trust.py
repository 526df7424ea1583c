"""The benchmark of trust, whole: can the probabilities be believed, what does caution buy, how should one decide?

Several corpora, several seeds, one training each; written after every step. Knows the worlds and where results go; what
is measured, ``study/believing`` and ``study/deciding`` know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from hiercls.data.pydocs import load_pydocs
from hiercls.files import write_text
from hiercls.study import believing, deciding, promised
from hiercls.study.corpus import newsgroups_corpora
from hiercls.study.demo import MAX_LENGTH, demo_protocol
from hiercls.study.figures import figures, save_figures
from hiercls.study.newsgroups import NEWCOMER, versions_and_machine
from hiercls.study.posteriors import HELD_OUT, Posteriors, train_posteriors
from hiercls.study.report import runs_before, write_json
from hiercls.study.trust_report import TITLES, report
from hiercls.study.union import Protocol
from hiercls.taxonomy import Taxonomy, shipped

World = Literal["removed", "kept", "pydocs"]
"""20 Newsgroups without or with headers, footers and quotes; the docstrings."""

Measure = Callable[[Posteriors, Taxonomy, int], Mapping[str, Any]]
"""What is measured on one model's stored probabilities under one seed, as plain data."""

MEASURES: dict[str, Measure] = {
    "halves": lambda said, taxonomy, seed: believing.errors_on_halves(said, taxonomy, seed=seed),
    "shift": lambda said, taxonomy, _: believing.errors_under_shift(said, taxonomy),
    "sizes": lambda said, taxonomy, seed: believing.errors_by_size(said, taxonomy, seed=seed),
    "caution": lambda said, taxonomy, seed: deciding.areas(said, taxonomy, seed=seed),
    "promises": lambda said, taxonomy, seed: promised.promises(said, taxonomy, seed=seed),
    "decoding": lambda said, taxonomy, seed: deciding.decodings(said, taxonomy, seed=seed),
}
"""All that needs no training: a further protocol on stored probabilities is one more line here, and its table one more
function in ``study/trust_report``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustConfig:
    """What is run.

    Args:
        worlds: The corpora.
        seeds: Seeds of the deal, of training and of all splits.
        documents: Training and test documents of 20 Newsgroups taken; None: all.
        settings: Settings of ``HierarchicalTextClassifier``.
    """

    worlds: Sequence[World] = ("removed", "kept", "pydocs")
    seeds: Sequence[int] = (0, 1, 2)
    documents: int | None = None
    settings: Mapping[str, Any]


def run_trust(
    config: TrustConfig, folder: Path, *, drawings: Path | None, resume: bool, say: Callable[[str], None]
) -> str:
    """Run the benchmark; its JSON is written anew after every step, its tables and figures at the end.

    Args:
        config: What is run.
        folder: Where ``trust.json`` and ``trust.md`` go, and in ``posteriors`` what each model said.
        drawings: Where the figures of the first seed go, a folder a world; None: nothing is drawn.
        resume: Whether models that were trained under the same conditions, and results, are kept.
        say: Is told of every step.

    Returns:
        The tables, in Markdown.
    """
    results: dict[str, Any] = {"conditions": _conditions(config), "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "trust.json", results["conditions"])
    for world in config.worlds:
        for protocol in _protocols(world, config):
            seed, taxonomy = protocol.seed, protocol.taxonomy
            path = folder / "posteriors" / f"{world}-{seed}.npz"
            if not (resume and path.exists()):
                say(f"{world}, seed {seed}: training")
                train_posteriors(protocol, settings=_settings(world, config)).save(path)
            said = Posteriors.load(path)
            run: dict[str, Any] = results["runs"].setdefault(world, {}).setdefault(str(seed), {})
            for name, measure in MEASURES.items():
                if name not in run:
                    say(f"{world}, seed {seed}: {name}")
                    run[name] = measure(said, taxonomy, seed)
                    write_json(folder / "trust.json", results)
            if drawings is not None and seed == config.seeds[0]:
                before, after = deciding.calibrated_half(said, taxonomy, seed=seed)
                on = f"{TITLES[world]}: {after.n_documents:,} test documents, calibrated on the other half"
                save_figures(drawings / world, figures(after, before=before, on=on))
    asked = {name: {str(seed): results["runs"][name][str(seed)] for seed in config.seeds} for name in config.worlds}
    text = report({**results, "runs": asked}, {name: _taxonomy(name) for name in config.worlds})
    write_text(folder / "trust.md", text)
    return text


@cache
def _taxonomy(world: World) -> Taxonomy:
    """The map of a world."""
    return Taxonomy.from_yaml(shipped("pydocs" if world == "pydocs" else "newsgroups"))


def _protocols(world: World, config: TrustConfig) -> Iterator[Protocol]:
    """The world under each seed."""
    taxonomy = _taxonomy(world)
    if world == "pydocs":
        corpus = load_pydocs()
        yield from (demo_protocol(corpus, taxonomy, seed=seed) for seed in config.seeds)
        return
    training, test = newsgroups_corpora(taxonomy, headers=world, documents=config.documents)
    for seed in config.seeds:
        yield Protocol(
            taxonomy=taxonomy, newcomer=NEWCOMER, newcomer_documents=0, training=training, test=test, seed=seed
        )


def _settings(world: World, config: TrustConfig) -> Mapping[str, Any]:
    """The estimator's settings; docstrings are read as in the demo."""
    return {"max_length": MAX_LENGTH, **config.settings} if world == "pydocs" else config.settings


def _conditions(config: TrustConfig) -> dict[str, Any]:
    """What a reader must know to run it again."""
    return {
        "documents": "all" if config.documents is None else config.documents,
        "held out of the training documents": HELD_OUT,
        **versions_and_machine(config.settings),
    }
