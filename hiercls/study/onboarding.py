"""The benchmark of onboarding: customers with a grouping and nothing else, with few documents, or with messy ones.

A few models are trained once, and what they say is stored; all draws are made on that. Knows the worlds and where
results go; what is measured, ``study/newcomers`` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hiercls.files import write_text
from hiercls.study import newcomers
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.newcomers import Bench, Values
from hiercls.study.newsgroups import NEWCOMER, versions_and_machine
from hiercls.study.posteriors import Posteriors, train_posteriors
from hiercls.study.report import runs_before, write_json
from hiercls.study.union import Protocol
from hiercls.taxonomy import Taxonomy, shipped

ORACLE = "oracle"
"""The model that is trained on fine labels."""

MEASURES: Mapping[str, Callable[..., Values]] = {
    "adapt": newcomers.adapted,
    "mixes": newcomers.mixes,
    "infer": newcomers.inferred,
    "audit": newcomers.audits,
}
"""What is measured on one model that was trained without the newcomer."""

TITLES = {
    "adapt": "Adapting to few labelled documents: what it gains over the YAML alone",
    "mixes": "Another mix of topics: what the customer's own gains over the pooled one",
    "infer": "Unknown random groupings of 6 to 8 classes",
    "audit": "Audit of a customer of 2,828 documents: parts of a class re-filed at random",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingConfig:
    """What is run.

    Args:
        headers: Headers, footers and quotes kept or removed.
        seeds: Seeds of the deal, of training and of all draws.
        draws: Customers that are drawn with each seed.
        known: Whether known groupings are answered, each customer left out in turn: five more models a seed.
        settings: Settings of ``HierarchicalTextClassifier``.
    """

    headers: Literal["kept", "removed"] = "removed"
    seeds: Sequence[int] = (0, 1, 2)
    draws: int = 20
    known: bool = False
    settings: Mapping[str, Any]


def run_onboarding(config: OnboardingConfig, folder: Path, *, resume: bool, say: Callable[[str], None]) -> str:
    """Run the benchmark; its JSON is written anew after every step, its tables at the end.

    Args:
        config: What is run.
        folder: Where ``onboarding.json`` and ``onboarding.md`` go, and in ``posteriors`` what each model said.
        resume: Whether models that are there, and results of the same conditions, are kept.
        say: Is told of every step.

    Returns:
        The tables, in Markdown.
    """
    conditions = {"headers": config.headers, "draws": config.draws, **versions_and_machine(config.settings)}
    results: dict[str, Any] = {"conditions": conditions, "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "onboarding.json", conditions)
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    for seed in config.seeds:
        run: dict[str, Any] = results["runs"].setdefault(str(seed), {})
        stored = _Stored(config=config, folder=folder, taxonomy=taxonomy, seed=seed, resume=resume, say=say)
        if config.known and "known" not in run:
            said = {name: stored.said(name) for name in (*taxonomy.customers, ORACLE)}
            run["known"] = newcomers.groupings(said, taxonomy, seed)
            write_json(folder / "onboarding.json", results)
        for name, measure in MEASURES.items():
            if name not in run:
                bench = Bench.of(stored.said(NEWCOMER), taxonomy, seed=seed)
                say(f"seed {seed}: {name}")
                run[name] = measure(bench, taxonomy, draws=config.draws)
                write_json(folder / "onboarding.json", results)
    text = report(results, seeds=config.seeds)
    write_text(folder / "onboarding.md", text)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What the models of one seed say, trained where it is not stored yet."""

    config: OnboardingConfig
    folder: Path
    taxonomy: Taxonomy
    seed: int
    resume: bool
    say: Callable[[str], None]

    def said(self, left_out: str) -> Posteriors:
        """What the model says that was trained without a customer, or on fine labels."""
        end = "" if left_out == NEWCOMER else f"-{left_out}"
        path = self.folder / "posteriors" / f"{self.config.headers}-{self.seed}{end}.npz"
        if not (self.resume and path.exists()):
            self.say(f"seed {self.seed}: training, {left_out}")
            train_posteriors(self._protocol(left_out), settings=self.config.settings).save(path)
        return Posteriors.load(path)

    def _protocol(self, left_out: str) -> Protocol:
        """The union benchmark with another newcomer, or with one customer whose classes are the topics."""
        training, test = self._corpora()
        taxonomy, newcomer = self.taxonomy, left_out
        if left_out == ORACLE:
            newcomer = NEWCOMER
            for name in taxonomy.customers:
                taxonomy = taxonomy if name == NEWCOMER else taxonomy.without_customer(name)
            taxonomy = taxonomy.with_customer({"customer": ORACLE, "classes": {one: one for one in taxonomy.topics}})
        return Protocol(
            taxonomy=taxonomy, newcomer=newcomer, newcomer_documents=0, training=training, test=test, seed=self.seed
        )

    def _corpora(self) -> tuple[Corpus, Corpus]:
        """Training and test documents."""
        return newsgroups_corpora(self.taxonomy, headers=self.config.headers)


def report(results: Mapping[str, Any], *, seeds: Sequence[int]) -> str:
    """The tables of a run.

    Args:
        results: ``conditions`` and ``runs``, as the JSON has them.
        seeds: The seeds that are reported.

    Returns:
        Markdown.
    """
    runs = [results["runs"][str(seed)] for seed in seeds]
    lines = ["# Onboarding customers", "", "20 Newsgroups. Conditions:", ""]
    lines += [f"- {name}: {value}" for name, value in results["conditions"].items()]
    if all("known" in run for run in runs):
        lines += ["", *_known(runs)]
    for name, title in TITLES.items():
        lines += ["", f"## {title}", "", "| | mean ± sd | below −.01 | draws |", "|---|---|---|---|"]
        for row in runs[0][name]:
            values = np.array([value for run in runs for value in run[name][row]])
            below = f"{(values < -0.01).mean():.1%}"
            lines.append(f"| {row} | {values.mean():+.4f} ± {values.std(ddof=1):.4f} | {below} | {len(values)} |")
    return "\n".join(lines) + "\n"


def _known(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table of known groupings, mean over seeds: the union's accuracy and the oracle's."""
    lines = [
        "## Known groupings, 0 documents",
        "",
        "| | rank of the rest | union | fine-label oracle | determined classes: union | oracle |",
        "|---|---|---|---|---|---|",
    ]
    pairs = np.mean([run["known"]["random"] for run in runs], axis=(0, 1))
    lines.append(f"| random groupings | 20 | {pairs[0]:.3f} | {pairs[1]:.3f} | | |")
    for name in runs[0]["known"]["customers"]:
        cells = [run["known"]["customers"][name] for run in runs]
        whole = np.mean([cell["all"] for cell in cells], axis=0)
        inside = np.mean([cell["determined"] for cell in cells], axis=0)
        figures = " | ".join(f"{value:.3f}" for value in (*whole, *inside))
        lines.append(f"| without {name} | {cells[0]['rank']} | {figures} |")
    return lines
