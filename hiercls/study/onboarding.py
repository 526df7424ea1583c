"""The benchmark of onboarding: customers with a grouping and nothing else, with few documents, or with messy ones.

A few models are trained once, and what they say is stored; all draws are made on that. Knows the worlds and where
results go; what is measured, ``study/newcomers``, ``study/extending`` and ``study/growing`` know.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.study import growing, newcomers
from hiercls.study.baselines import Documents
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.extending import extensions
from hiercls.study.newcomers import Bench, Values
from hiercls.study.newsgroups import NEWCOMER, versions_and_machine
from hiercls.study.onboarding_report import SECTIONS, curves_figure, report
from hiercls.study.posteriors import HELD_OUT, Posteriors, train_posteriors
from hiercls.study.report import runs_before, save_svg, write_json
from hiercls.study.union import Protocol
from hiercls.taxonomy import Taxonomy, shipped

ORACLE, CURVES = "oracle", "curves"
"""The model that is trained on fine labels; the model that sees fewer documents, so that a customer may have more."""

MEASURES: Mapping[str, Callable[..., Values]] = {
    "adapt": newcomers.adapted,
    "mixes": newcomers.mixes,
    "infer": newcomers.inferred,
    "audit": newcomers.audits,
}
"""What is measured on one model that was trained without the newcomer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingConfig:
    """What is run.

    Args:
        headers: Headers, footers and quotes kept or removed.
        seeds: Seeds of the deal, of training and of all draws.
        draws: Customers that are drawn with each seed.
        curve_draws: Draws of few own documents for the learning curves, which the first seed has alone.
        sections: What is measured, names of ``SECTIONS``.
        settings: Settings of ``HierarchicalTextClassifier``.
    """

    headers: Literal["kept", "removed"] = "removed"
    seeds: Sequence[int] = (0, 1, 2)
    draws: int = 20
    curve_draws: int = 10
    sections: Sequence[str] = tuple(SECTIONS)
    settings: Mapping[str, Any]


def run_onboarding(config: OnboardingConfig, folder: Path, *, resume: bool, say: Callable[[str], None]) -> str:
    """Run the benchmark; its JSON is written anew after every step, its tables at the end.

    Args:
        config: What is run.
        folder: Where ``onboarding.json``, ``onboarding.md`` and, with curves, ``onboarding.svg`` go, and in
            ``posteriors`` what each model said.
        resume: Whether models that are there, and results of the same conditions, are kept.
        say: Is told of every step.

    Returns:
        The tables, in Markdown, of all that the JSON holds.
    """
    conditions = {"headers": config.headers, "draws": config.draws, **versions_and_machine(config.settings)}
    results: dict[str, Any] = {"conditions": conditions, "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "onboarding.json", conditions)
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    write = functools.partial(write_json, folder / "onboarding.json", results)
    for seed in config.seeds:
        run: dict[str, Any] = results["runs"].setdefault(str(seed), {})
        stored = _Stored(config=config, folder=folder, taxonomy=taxonomy, seed=seed, resume=resume, say=say)
        for name in config.sections:
            if name == CURVES and seed == config.seeds[0]:
                stored.curves(run.setdefault(CURVES, {}), draws=config.curve_draws, write=write)
            elif name not in run and name != CURVES:
                say(f"seed {seed}: {name}")
                run[name] = stored.measured(name)
                write()
    text = report(results)
    write_text(folder / "onboarding.md", text)
    if figure := curves_figure(results):
        save_svg(figure, folder / "onboarding.svg")
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

    def measured(self, section: str) -> dict[str, Any]:
        """One section's results."""
        if section == "known":
            said = {name: self.said(name) for name in (*self.taxonomy.customers, ORACLE)}
            return newcomers.groupings(said, self.taxonomy, self.seed)
        if section == "extend":
            protocol = self._protocol(NEWCOMER)
            return extensions(protocol, self.said(NEWCOMER), settings=self.config.settings)
        documents = None
        if section == "infer":
            _, test = self._corpora()
            documents = Documents(texts=test.texts, encodings=self._encode(test.texts))
        bench = Bench.of(self.said(NEWCOMER), self.taxonomy, seed=self.seed, documents=documents)
        return MEASURES[section](bench, self.taxonomy, draws=self.config.draws)

    def curves(self, found: dict[str, dict[str, dict[str, float]]], *, draws: int, write: Callable[[], None]) -> None:
        """The learning curves: accuracies by method, number of own documents and draw, written after each draw."""
        world = growing.World.build(self._protocol(NEWCOMER), self.said(CURVES), self._encode)
        encoder = self._model().build_engine().encoder
        short = self._model(max_length=growing.MARKED_LENGTH, precision="float32").build_engine().encoder
        tokens = encoder.transformer.get_input_embeddings().weight
        changed = growing.augmentations(world, self._encode, tokenizer=encoder.tokenizer, embeddings=tokens)

        def done(method: str, size: int, draw: int) -> bool:
            return str(draw) in found.get(method, {}).get(str(size), {})

        for methods, sizes, most in (
            (growing.METHODS, growing.SIZES, draws),
            (growing.JOINT_METHODS, growing.SIZES, draws),
            (changed, growing.AUGMENTED_SIZES, draws),
            (growing.marked(short), growing.MARKED_SIZES, growing.MARKED_DRAWS),
        ):
            for method, size, draw, right in growing.curves(world, methods, draws=most, sizes=sizes, done=done):
                found.setdefault(method, {}).setdefault(str(size), {})[str(draw)] = right
                self.say(f"draw {draw}, {size} documents, {method}: {right:.3f}")
                write()

    def said(self, left_out: str) -> Posteriors:
        """What the model says that was trained without a customer, on fine labels, or on fewer documents."""
        end = "" if left_out == NEWCOMER else f"-{left_out}"
        path = self.folder / "posteriors" / f"{self.config.headers}-{self.seed}{end}.npz"
        if not (self.resume and path.exists()):
            self.say(f"seed {self.seed}: training, {left_out}")
            held_out = growing.HELD_OUT if left_out == CURVES else HELD_OUT
            train_posteriors(self._protocol(left_out), settings=self.config.settings, held_out=held_out).save(path)
        return Posteriors.load(path)

    def _protocol(self, left_out: str) -> Protocol:
        """The union benchmark with another newcomer, or with one customer whose classes are the topics."""
        training, test = self._corpora()
        taxonomy, newcomer = self.taxonomy, NEWCOMER if left_out == CURVES else left_out
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

    def _model(self, **changes: Any) -> HierarchicalTextClassifier:
        """A model that is not trained, for its encoder."""
        return HierarchicalTextClassifier(self.taxonomy, **{**self.config.settings, **changes})

    def _encode(self, texts: Sequence[str]) -> Any:
        """Encodings of texts, shape (n_texts, width)."""
        return self._model().build_engine().encode(texts)
