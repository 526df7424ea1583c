"""A model on words alone, which loads and answers in no time, and files of documents to answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from hiercls.estimator import HierarchicalTextClassifier


@pytest.fixture(scope="session")
def words_model(tiny, tiny_documents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that reads words alone."""
    folder = tmp_path_factory.mktemp("words") / "model"
    model = HierarchicalTextClassifier(tiny, encoder=None).fit(*tiny_documents)
    model.add_customer("{customer: four, classes: {X: A, Y: rest}}")
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def made_files() -> Callable[..., Path]:
    """Writes Parquet files of short texts with numbers as identifiers: ``made_files(folder, [3, 0, 5])``."""

    def write(folder: Path, sizes: list[int]) -> Path:
        folder.mkdir(parents=True)
        start = 0
        for number, size in enumerate(sizes):
            ids = range(start, start + size)
            texts = [f"{'abcdef'[place % 6]}{place % 5} the {'abcdef'[place % 7 % 6]}{place % 4}" for place in ids]
            table = pa.table({"id": pa.array(ids, pa.int64()), "text": pa.array(texts, pa.string()), "n": [1] * size})
            parquet.write_table(table, folder / f"part-{number}.parquet", row_group_size=1000)
            start += size
        return folder

    return write
