"""One prediction, explained: the whole of it, as plain data, on a terminal and in a notebook.

Knows the parts and what of them is shown; computes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hiercls.explain.duel import Duel
from hiercls.explain.html import fragment, page
from hiercls.explain.neighbours import Neighbour
from hiercls.explain.result import TopicPart, WordEffect
from hiercls.explain.sheet import Panel, Sheet, excerpt, printable

if TYPE_CHECKING:
    from rich.console import Group

N_SHOWN = 10
"""Rows of a table."""
N_CHARACTERS = 4000
"""Characters of the text that are shown."""
N_DIGITS = 2
"""Digits of an effect that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a text has the probability that it has of one class of a view.

    ``print(explanation)`` is plain text, ``rich.print(explanation)`` has colours, notebooks show HTML.

    Args:
        text: The text.
        view: A level or a customer.
        answer: The class that is explained.
        probability: Its probability, as ``predict_proba`` gives it.
        topics: What the topics of the class give to that, the largest first.
        words: What the text's words do for it, the largest in size first.
        n_words: Distinct words of the text; where that is more than ``words`` has, the later ones were not tried.
        duel: Why the class is ahead of what lies outside, or behind it; None where nothing lies outside.
        neighbours: The most similar of the documents given, the nearest first.
        n_documents: Documents that were looked through for them.
    """

    text: str
    view: str
    answer: str
    probability: float
    topics: tuple[TopicPart, ...]
    words: tuple[WordEffect, ...]
    n_words: int
    duel: Duel | None
    neighbours: tuple[Neighbour, ...]
    n_documents: int

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain data, such as JSON has."""
        return dataclasses.asdict(self)

    def to_html(self) -> str:
        """The explanation as a whole page that asks nothing of the network; all that comes from outside is escaped."""
        return page(self._sheet())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return fragment(self._sheet())

    def __rich__(self) -> Group:
        """What rich shows."""
        from hiercls.explain.terminal import drawn

        return drawn(self._sheet())

    def __str__(self) -> str:
        """Plain text."""
        from rich.console import Console

        console = Console(width=100, color_system=None, force_terminal=False)
        with console.capture() as capture:
            console.print(self)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def _sheet(self) -> Sheet:
        """What is shown."""
        panels = [self._topic_panel()]
        if self.words:
            panels.append(self._word_panel())
        if self.duel is not None:
            panels.append(_duel_panel(self.duel))
        if self.neighbours:
            panels.append(self._neighbour_panel())
        return Sheet(
            title=printable(self.answer),
            subtitle=printable(f"at {self.view}: {self.probability:.3f}"),
            pieces=tuple((printable(piece), strength) for piece, strength in self._pieces()),
            panels=tuple(panels),
        )

    def _pieces(self) -> Iterator[tuple[str, float]]:
        """The beginning of the text in pieces, each with its strength from −1 to 1."""
        largest = max((abs(word.effect) for word in self.words), default=0.0) or 1.0
        place = 0
        for start, end, effect in sorted((*span, word.effect) for word in self.words for span in word.spans):
            if end > N_CHARACTERS:
                break
            yield self.text[place:start], 0.0
            yield self.text[start:end], effect / largest
            place = end
        yield self.text[place:N_CHARACTERS], 0.0
        if len(self.text) > N_CHARACTERS:
            yield "…", 0.0

    def _topic_panel(self) -> Panel:
        """The topics of the class."""
        shown = self.topics[:N_SHOWN]
        return Panel(
            caption="topics of the class",
            columns=("probability", "share"),
            rows=tuple((printable(part.topic), f"{part.probability:.3f}", f"{part.share:.1%}") for part in shown),
            tones=(0.0,) * len(shown),
            bars=tuple(part.share for part in shown),
        )

    def _word_panel(self) -> Panel:
        """The words that matter most, and how many were not tried."""
        untried = self.n_words - len(self.words)
        note = f"; {untried:,} later ones not tried" if untried else ""
        return _effects(
            f"words of the text{note}",
            "log-odds that it brings",
            [(word.word, word.effect) for word in self.words[:N_SHOWN] if round(word.effect, N_DIGITS)],
        )

    def _neighbour_panel(self) -> Panel:
        """The nearest documents."""
        rows = tuple(
            (printable(excerpt(near.text)), f"{near.similarity:.2f}", printable(", ".join(near.labels)) or "–")
            for near in self.neighbours
        )
        noun = "document" if self.n_documents == 1 else "documents"
        caption = f"nearest of {self.n_documents:,} {noun}"
        return Panel(caption=caption, columns=("likeness", "filed as"), rows=rows, tones=(0.0,) * len(rows))


def _duel_panel(duel: Duel) -> Panel:
    """What puts the topic ahead of its rival."""
    shown, rest = duel.terms[:N_SHOWN], duel.terms[N_SHOWN:]
    effects = [("the encoder", duel.encoder), ("the mix of topics", duel.mix)]
    effects = [effect for effect in effects if effect[1]] + [(f"“{term.term}”", term.weight) for term in shown]
    if rest:
        effects.append((f"{len(rest):,} more words", sum(term.weight for term in rest)))
    if duel.terms:
        effects.append(("together", duel.lead))
    return _effects(f"{duel.topic} against {duel.rival}", "nats", effects)


def _effects(caption: str, column: str, effects: list[tuple[str, float]]) -> Panel:
    """A table of signed numbers."""
    return Panel(
        caption=printable(caption),
        columns=(column,),
        rows=tuple((printable(name), f"{effect:+.{N_DIGITS}f}") for name, effect in effects),
        tones=tuple(effect for _, effect in effects),
    )
