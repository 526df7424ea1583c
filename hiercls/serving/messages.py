"""What goes over the wire: the JSON of requests and answers, with examples on the tiny world.

Knows shapes; knows no model.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, BeforeValidator(lambda value: int(value) if _is_whole(value) else value)]
"""A whole number; to JSON, 1.0 is one."""
_TEXT = "The rocket left for Venus."


def _is_whole(value: object) -> bool:
    """Whether a value is a whole number that is written with a point."""
    return isinstance(value, float) and value.is_integer()


def _carried(text: str) -> str:
    """A text that UTF-8 can carry; JSON can escape others."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError(
            "surrogate", "half a surrogate pair at character {place}, which is no text", {"place": error.start}
        ) from None
    return text


Text = Annotated[str, AfterValidator(_carried)]
"""A string without half a surrogate pair."""


class Message(BaseModel):
    """What all messages share: nothing is taken for something else, and no name is overlooked."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PredictRequest(Message):
    """Documents to be classified."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"documents": [_TEXT], "at": ["topic", "one"], "top_k": 2},
                {"documents": [_TEXT], "at": ["one"], "coverage": 0.9, "explain": True},
            ]
        }
    )

    documents: list[Text] = Field(min_length=1, description="The documents' texts.")
    at: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="Levels and customers; by default the topics, or the token's own customer.",
    )
    top_k: Count = Field(default=1, ge=1, le=1000, description="How many of the likeliest classes are listed.")
    coverage: float | None = Field(
        default=None, gt=0, lt=1, description="Give also a set of classes that holds the true one this often."
    )
    explain: bool = Field(default=False, description="Say also which topics and words the likeliest class comes from.")


class ClassScore(Message):
    """A class and how probable it is."""

    name: str
    probability: Probability


class TopicShare(Message):
    """What one topic gives to a class."""

    topic: str
    probability: Probability
    share: Probability


class Word(Message):
    """What one word does for a class: its log-odds with the word less those without it."""

    word: str
    effect: float
    spans: list[tuple[int, int]] = Field(description="Where it stands in the text: start and end, in code points.")


class Why(Message):
    """Where the probability of a class comes from."""

    name: str = Field(description="The class that is explained: the likeliest.")
    probability: Probability
    topics: list[TopicShare] = Field(description="The topics of the class; none for a customer's token.")
    words: list[Word] = Field(description="The words of the text, the largest effect in size first.")
    n_words: int = Field(description="Distinct words of the text; the first of them were tried.")


class Answer(Message):
    """What one document is at one view."""

    at: str
    labels: list[str] = Field(description="The predicted class; any number where a document may have several topics.")
    top: list[ClassScore] = Field(description="The likeliest classes, the likeliest first.")
    within: list[str] | None = Field(
        default=None, description="The classes that hold the true one as often as asked for."
    )
    why: Why | None = None


class Document(Message):
    """What one document is at every view that was asked for, in their order."""

    answers: list[Answer]


class PredictResponse(Message):
    """The documents' answers, in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "documents": [
                        {"answers": [{"at": "one", "labels": ["ABC"], "top": [{"name": "ABC", "probability": 0.98}]}]}
                    ]
                }
            ]
        }
    )

    documents: list[Document]


class ViewAnswer(Message):
    """A level or a customer with its classes."""

    name: str
    kind: Literal["level", "customer"]
    classes: list[str]


class Node(Message):
    """A node of the hierarchy."""

    name: str
    kind: Literal["inner", "topic"]
    children: list[str]
    about: str | None = None


class Group(Message):
    """A customer's class and its topics."""

    name: str
    topics: list[str] = Field(description="None for a customer's token.")


class Customer(Message):
    """A customer's classes."""

    name: str
    classes: list[Group]


class TaxonomyAnswer(Message):
    """The map, as much of it as the token may see."""

    name: str | None = Field(description="Null for a customer's token.")
    levels: list[str] = Field(description="From the top; none for a customer's token.")
    roots: list[str] = Field(description="The nodes at the top; none for a customer's token.")
    nodes: list[Node] = Field(description="Each before what stands below it; none for a customer's token.")
    customers: list[Customer] = Field(description="All, or the token's own.")


class Fault(Message):
    """One thing that is wrong with what was sent, and where."""

    message: str
    line: int | None = None
    column: int | None = None
    path: str | None = None
    hint: str | None = None


class Refusal(Message):
    """Why a request was refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "detail": "unknown level or customer 'tow'; did you mean 'two'?",
                    "problems": [],
                }
            ]
        }
    )

    detail: str
    problems: list[Fault] = []


class Checked(Message):
    """What a customer's YAML says, whether it is applied or not."""

    customer: str | None = Field(description="Its name; null where there are problems.")
    classes: list[Group] = []
    problems: list[Fault] = []
    identifiability: str | None = Field(default=None, description="What labels at its classes alone can teach.")
    replaces: bool = Field(default=False, description="Whether there is a customer of this name already.")


class Health(Message):
    """Whether the server is well."""

    status: Literal["ok"] = "ok"
