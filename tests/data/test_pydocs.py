import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from hiercls.data import pydocs
from hiercls.data.pydocs import ALIASES, LIBRARIES, MASK, TOPICS, Pydocs, load_pydocs, mask_count_accuracy, mask_names
from hiercls.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def corpus() -> Pydocs:
    return load_pydocs()


def test_size(corpus) -> None:
    counts = Counter(corpus.topics)
    assert 3000 <= len(corpus.texts) <= 4000
    assert tuple(counts) == TOPICS
    assert max(counts.values()) == 200
    assert min(counts.values()) >= 20
    assert corpus.absent == ()
    assert tuple(corpus.versions) == LIBRARIES


def test_texts_are_long_enough_and_stand_once(corpus) -> None:
    assert min(map(len, corpus.texts)) >= 100
    assert len(set(corpus.texts)) == len(corpus.texts)


def test_no_name_is_left_in_any_text(corpus) -> None:
    libraries = ("numpy", "scipy", "scikit", "sklearn", "networkx", "torch", "transformers", "hugging")
    names = {name for topic in TOPICS for name in topic.split(".")} | set(ALIASES)
    compounds = re.compile(r"(?<![^\W_])(?:linear_model|model_selection)(?![^\W_])")
    for text in corpus.texts:
        lowered = text.lower()
        assert not [library for library in libraries if library in lowered]
        words = re.findall(r"[^\W_]+", lowered)
        assert not names.intersection(words)
        assert not compounds.search(lowered)
        assert not re.search(r"\bF\.[a-z]", text)


def test_what_a_masked_module_is_imported_as_is_masked(corpus) -> None:
    lines = [line for text in corpus.texts for line in text.splitlines() if re.match(r">>> import .* as ", line)]
    assert len(lines) > 500
    left = {line for line in lines if MASK in line and not re.search(rf" as {MASK}\b", line)}
    assert not left


def test_the_number_of_masks_tells_little(corpus) -> None:
    largest = max(Counter(corpus.topics).values()) / len(corpus.topics)
    assert largest < mask_count_accuracy(corpus) < 0.25


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("NumPy, SciPy's PyTorch and Scikit-Learn, scikit learn", f"{MASK}, {MASK}'s {MASK} and {MASK}, {MASK}"),
        ("TorchMetrics, NetworkXError, Hugging Face, from_numpy", f"{MASK}, {MASK}Error, {MASK}, from_{MASK}"),
        ("np.sum(x) + scipy.stats.norm.pdf(x)", f"{MASK}.sum(x) + {MASK}.norm.pdf(x)"),
        ("`sklearn.linear_model.Ridge`, a linear model", f"`{MASK}.Ridge`, a linear model"),
        ("NP, nx, SP and Stats; stats2 snp map_ma", f"{MASK}, {MASK}, {MASK} and {MASK}; stats2 snp map_{MASK}"),
        ("F.relu(x) with f.read(), F. Then F", f"{MASK}.relu(x) with f.read(), F. Then F"),
        ("from numpy.polynomial import chebyshev as C\nC.fit", f"from {MASK} import chebyshev as {MASK}\n{MASK}.fit"),
        ("import torch.nn.functional as FF\nFF.relu, OFF", f"import {MASK}.functional as {MASK}\n{MASK}.relu, OFF"),
        ("import itertools as it\nit.chain", "import itertools as it\nit.chain"),
    ],
)
def test_masking(text, masked) -> None:
    assert mask_names(text) == masked


def test_the_corpus_is_the_same_every_time_and_imports_no_library() -> None:
    code = (
        "import hashlib, sys; from hiercls.data.pydocs import load_pydocs;"
        "corpus = load_pydocs(['torch.optim', 'networkx.readwrite', 'transformers.pipelines']);"
        "print(hashlib.sha256(repr((corpus.texts, corpus.topics)).encode()).hexdigest(), len(corpus.texts),"
        "[name for name in ('torch', 'networkx', 'transformers') if name in sys.modules])"
    )
    run = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert run[0].stdout == run[1].stdout
    assert run[0].stdout.endswith(" []\n")
    assert int(run[0].stdout.split()[1]) > 100


@pytest.fixture
def library(tmp_path, monkeypatch) -> Path:
    """A library 'scipy' of our own with one subpackage."""
    folder = tmp_path / "scipy" / "fft"
    (folder / "tests").mkdir(parents=True)
    long = "A docstring that is long enough to be taken, since it has more than a hundred characters {}, counted twice."
    (folder / "_a.py").write_text(
        f'def public():\n    """{long.format("one")}"""\nclass _Hidden:\n    """{long.format("two")}"""\n'
        f'class Public:\n    """{long.format("three")}"""\n    def method(self):\n        """{long.format("four")}"""\n'
        f'async def again():\n    """{long.format("one")}"""\ndef short():\n    """Short."""\ndef bare(): ...\n'
    )
    (folder / "broken.py").write_text("def (:\n")
    (folder / "odd.py").write_bytes(b'def odd():\n    """\\d \xff"""\n')
    (folder / "tests" / "test_a.py").write_text(f'def a():\n    """{long.format("five")}"""\n')
    monkeypatch.setattr(pydocs, "_roots", lambda topics: ({"scipy": tmp_path / "scipy"}, []))
    return folder


@pytest.mark.usefixtures("library")
def test_what_is_taken_from_a_file() -> None:
    texts = load_pydocs(["scipy.fft"]).texts
    assert sorted(re.findall(r"characters (\w+),", " ".join(texts))) == ["one", "three"]


@pytest.mark.usefixtures("library")
def test_a_subpackage_that_this_version_does_not_have_is_named() -> None:
    corpus = load_pydocs(["scipy.fft", "scipy.stats"])
    assert corpus.absent == ("scipy.stats",)
    assert set(corpus.topics) == {"scipy.fft"}


def test_a_library_that_is_not_installed(monkeypatch) -> None:
    monkeypatch.setattr(pydocs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError) as caught:
        load_pydocs(["scipy.fft", "numpy.ma", "scipy.stats"])
    assert [problem.message for problem in caught.value.problems] == [
        "expected the library 'scipy' as a folder, found none",
        "expected the library 'numpy' as a folder, found none",
    ]


def test_an_unknown_topic() -> None:
    with pytest.raises(ConfigError, match=r"got 'scipy\.stat'; did you mean 'scipy\.stats'"):
        load_pydocs(["scipy.stat"])


def test_the_taxonomy_groups_exactly_the_topics() -> None:
    spec = yaml.safe_load((Path(__file__).parents[2] / "taxonomies" / "pydocs.yaml").read_text())
    topics = [topic for area in spec["topics"].values() for topic in area]
    assert sorted(topics) == sorted(TOPICS) == sorted(spec["about"])
    columns = {
        customer: [[float(topic in members) for topic in TOPICS] for members in classes.values()]
        for customer, classes in spec["customers"].items()
    }
    assert all(np.sum(classes, axis=0).tolist() == [1.0] * len(TOPICS) for classes in columns.values())
    trained = np.concatenate([columns[name] for name in ("university", "publisher", "consultancy")])
    assert np.linalg.matrix_rank(trained) == len(TOPICS)
    assert columns["laboratory"] not in (columns["university"], columns["publisher"], columns["consultancy"])
