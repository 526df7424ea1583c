"""The offline corpus: docstrings of the libraries that hiercls installs anyway.

A text is the docstring of a public function or class, its topic the subpackage it stands in. The files are parsed,
never imported. Names that would give a topic away are masked by one token. ``python -m hiercls.data.pydocs`` prints
what the corpus holds. Knows no taxonomy: ``taxonomies/pydocs.yaml`` groups the topics.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hiercls.errors import ConfigError, DataError, Problem, nearest

MASK = "PACKAGE"
"""The token that stands for every masked name."""

TOPICS = (
    "numpy.lib",
    "numpy.ma",
    "numpy.polynomial",
    "scipy.fft",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.linalg",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.signal",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.special",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.datasets",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "networkx.algorithms",
    "networkx.classes",
    "networkx.generators",
    "networkx.readwrite",
    "torch.autograd",
    "torch.distributions",
    "torch.fx",
    "torch.nn",
    "torch.optim",
    "torchmetrics.classification",
    "transformers.generation",
    "transformers.integrations",
    "transformers.pipelines",
)
"""The subpackages that are read, each a topic."""

LIBRARIES = ("numpy", "scipy", "scikit-learn", "networkx", "torch", "torchmetrics", "transformers")
"""The distributions that the subpackages belong to."""

ALIASES = ("hf", "la", "np", "npt", "nx", "plt", "sk", "sp", "spla", "tm")
"""Usual short names of the libraries and their modules, masked as whole words."""

MAX_TEXTS_PER_TOPIC = 200
MIN_CHARACTERS = 100

_WORD = re.compile(r"[^\W\d]\w+")
_LIBRARY = re.compile(
    r"huggingface|hugging|scikits?(?:_?learn)?|sklearn|numpy|scipy|networkx|pytorch|torch_?metrics|torch|transformers"
    r"|matplotlib|pyplot",
    re.IGNORECASE,
)
_PART = re.compile(
    rf"(?<![^\W_])(?:{'|'.join(sorted({topic.split('.')[1] for topic in TOPICS} | set(ALIASES)))})(?![^\W_])",
    re.IGNORECASE,
)
_SECOND_WORD = re.compile(rf"{MASK}[ -](?:[lL]earn|[fF]ace)\b")
_FUNCTIONAL = re.compile(r"F(?<!\wF)(?=\.[a-z])")
_IMPORT_AS = re.compile(rf"import [^\n]{{0,200}}{MASK}[^\n]{{0,200}} as (\w+)")
_FROM_IMPORT_AS = re.compile(rf"{MASK}[^\n]{{0,200}} import [a-z_{MASK}]+ as (\w+)")
_CHAIN = re.compile(rf"{MASK}(?:\.{MASK})+")
_LEFT_OUT = ("conftest", "externals", "test", "testing", "tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pydocs:
    """The corpus, topic by topic.

    Args:
        texts: n_documents masked docstrings.
        topics: The subpackage of each text, such as ``scipy.stats``.
        versions: The version of each library; equal versions give equal texts.
        absent: Listed subpackages that the installed versions do not have.

    Example:
        >>> Pydocs(texts=("a document",), topics=("scipy.stats",), versions={"scipy": "1.17"}).absent
        ()
    """

    texts: tuple[str, ...]
    topics: tuple[str, ...]
    versions: Mapping[str, str]
    absent: tuple[str, ...] = ()


def load_pydocs(topics: Sequence[str] = TOPICS) -> Pydocs:
    """Read the corpus from the installed libraries, in a few seconds and without importing them.

    At most 200 docstrings a topic, chosen by the hash of their text, each of at least 100 characters; identical ones
    stand once, under the first topic that has them.

    Args:
        topics: The subpackages to read, some of ``TOPICS``.

    Returns:
        With all topics between 3,000 and 4,000 texts, with the versions that were used.

    Raises:
        ConfigError: If a topic is none of ``TOPICS``.
        DataError: If a library is not installed as files in a folder.

    Example:
        >>> corpus = load_pydocs(["scipy.fft"])
        >>> len(corpus.texts) == len(corpus.topics), set(corpus.topics)
        (True, {'scipy.fft'})
    """
    unknown = [topic for topic in topics if topic not in TOPICS]
    if unknown:
        raise ConfigError(f"expected topics of the corpus, got {unknown[0]!r}; {nearest(unknown[0], TOPICS)}")
    roots, problems = _roots(topics)
    if problems:
        raise DataError(problems, subject="the pydocs corpus")
    seen: dict[str, str] = {}
    absent: list[str] = []
    for topic in topics:
        library, _, name = topic.partition(".")
        docstrings = set(_docstrings(roots[library] / name))
        masked = map(mask_names, sorted(docstrings, key=_digest))
        fresh = (text for text in masked if len(text) >= MIN_CHARACTERS and text not in seen)
        for text in itertools.islice(fresh, MAX_TEXTS_PER_TOPIC):
            seen[text] = topic
        if not docstrings:
            absent.append(topic)
    versions = MappingProxyType({library: importlib.metadata.version(library) for library in LIBRARIES})
    return Pydocs(texts=tuple(seen), topics=tuple(seen.values()), versions=versions, absent=tuple(absent))


def mask_count_accuracy(corpus: Pydocs) -> float:
    """How well the topics can be told from the number of masks in a text alone: what the masking itself gives away.

    Args:
        corpus: The corpus.

    Returns:
        The accuracy of a decision tree on that one number, cross-validated in five parts.

    Example:
        >>> corpus = Pydocs(texts=("a", f"{MASK} b") * 10, topics=("x", "y") * 10, versions={})
        >>> mask_count_accuracy(corpus)
        1.0
    """
    import numpy as np
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.tree import DecisionTreeClassifier

    counts = np.array([[text.count(MASK)] for text in corpus.texts])
    parts = StratifiedKFold(5, shuffle=True, random_state=0)
    tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
    return float(cross_val_score(tree, counts, np.array(corpus.topics), cv=parts).mean())


def mask_names(text: str) -> str:
    """Put one token for every name of a library or a listed subpackage and for their aliases.

    Libraries are masked wherever they stand, even inside a word; subpackages and aliases as whole words, underscores
    dividing words; the names a text itself gives to what it imports as well. A dotted chain of masks becomes one.

    Args:
        text: A docstring.

    Returns:
        The masked text.

    Example:
        >>> mask_names("import numpy as np; np.linalg.norm(x) of NumPy, see scipy_stats")
        'import PACKAGE as PACKAGE; PACKAGE.norm(x) of PACKAGE, see PACKAGE_PACKAGE'
    """
    text = _WORD.sub(lambda match: _mask_word(match[0]), text)
    text = _FUNCTIONAL.sub(MASK, _SECOND_WORD.sub(MASK, text))
    aliases = {*_IMPORT_AS.findall(text), *_FROM_IMPORT_AS.findall(text)} - {MASK}
    if aliases:
        text = re.sub(rf"\b(?:{'|'.join(sorted(aliases))})\b", MASK, text)
    return _CHAIN.sub(MASK, text)


@functools.lru_cache(maxsize=2**16)
def _mask_word(word: str) -> str:
    """One word with its names masked; texts repeat their words, so most are found in the cache."""
    return _PART.sub(MASK, _LIBRARY.sub(MASK, word))


def _roots(topics: Sequence[str]) -> tuple[dict[str, Path], list[Problem]]:
    """The folder of each library, found without importing it, and the libraries that have none."""
    roots: dict[str, Path] = {}
    problems: list[Problem] = []
    for library in dict.fromkeys(topic.split(".")[0] for topic in topics):
        spec = importlib.util.find_spec(library)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if places and Path(places[0]).is_dir():
            roots[library] = Path(places[0])
        else:
            hint = "hiercls needs it anyway; install hiercls again with pip"
            problems.append(Problem(message=f"expected the library '{library}' as a folder, found none", hint=hint))
    return roots, problems


def _docstrings(folder: Path) -> Iterator[str]:
    """The docstrings of the public functions and classes of a subpackage, file by file."""
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(part in _LEFT_OUT or part.startswith("test_") for part in parts):
            continue
        for node in _parse(path).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
                yield ast.get_docstring(node) or ""


def _parse(path: Path) -> ast.Module:
    """A file's syntax tree; an empty one where this Python cannot read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            return ast.Module(body=[], type_ignores=[])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _main() -> None:
    """Print the corpus's size, the libraries' versions, and what the masks alone give away."""
    corpus = load_pydocs()
    counts = Counter(corpus.topics)
    print(f"{len(corpus.texts)} texts, {len(counts)} topics; absent: {', '.join(corpus.absent) or 'none'}")
    print(", ".join(f"{library} {version}" for library, version in corpus.versions.items()))
    for topic, count in counts.items():
        print(f"{count:5}  {topic}")
    accuracy, majority = mask_count_accuracy(corpus), max(counts.values()) / len(corpus.texts)
    print(f"accuracy from the number of masks alone: {accuracy:.3f} (the largest topic alone: {majority:.3f})")


if __name__ == "__main__":
    _main()
