"""The part of the scikit-learn face that leaves the process: folders, the Hugging Face hub, runtimes without torch.

Knows where models go; what is written is ``folder``'s, ``hiercls.export``'s and the card's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import torch
from sklearn.utils.validation import check_is_fitted

from hiercls.data.rows import Row, make_rows
from hiercls.estimator import card, folder, hub
from hiercls.export import writing
from hiercls.export.layout import Format
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy


class SharingMixin:
    """Folders, the hub and exports, for an estimator that has a scorer."""

    scorer_: Scorer
    taxonomy_: Taxonomy
    tune: str

    def save_pretrained(self, path: str | Path) -> None:
        """Save the trained model as a folder of safetensors, JSON and YAML.

        A frozen encoder is named and its hash kept, not copied; a trained one is saved whole.

        Args:
            path: The folder; a model that stands there is replaced, whole or not at all.

        Raises:
            ModelFolderError: If the folder cannot be written.
        """
        check_is_fitted(self, "taxonomy_")
        folder.save(self, Path(path))

    @classmethod
    def from_pretrained(
        cls, path: str | Path, *, revision: str | None = None, device: str | torch.device | None = None
    ) -> Self:
        """Load a saved model.

        Args:
            path: The folder, or a name on the Hugging Face hub; one that was downloaded is not asked for again.
            revision: Commit, branch or tag on the hub; pin a commit to get the same model always. None: the default
                branch.
            device: Where to compute; None: a GPU where there is one.

        Returns:
            The trained estimator; with ``set_params(warm_start=True)`` its ``fit`` goes on from the saved weights.

        Raises:
            ModelFolderError: If the folder is not whole, its encoder is not the one it was trained with, or there is
                no such model on the hub.
            EncoderNotFoundError: If the frozen encoder is not to be had on this machine.
        """
        loaded: Self = folder.load(cls, hub.find_model(path, revision=revision), device=device)
        return loaded

    def push_to_hub(
        self,
        repo_id: str,
        *,
        card: str | None = None,
        revision: str | None = None,
        private: bool = True,
        token: str | None = None,
    ) -> str:
        """Upload the trained model to the Hugging Face hub, with a card.

        The customers' groupings are part of a model, so that others see them; ``remove_customer`` takes them out.

        Args:
            repo_id: Such as ``me/my-model``; it is made where there is none.
            card: The card in Markdown; None: ``model_card()``.
            revision: The branch; None: the default one.
            private: Whether a repository that is made is seen by its owner alone.
            token: An access token; None: the one that ``hf auth login`` has kept.

        Returns:
            The commit, which ``from_pretrained(revision=)`` takes.

        Raises:
            ConfigError: If its frozen encoder is a folder of this machine, where others cannot load it.
        """
        check_is_fitted(self, "taxonomy_")
        hub.check_encoder(self)
        with tempfile.TemporaryDirectory() as aside:
            self.save_pretrained(Path(aside, "model"))
            text = self.model_card(name=repo_id) if card is None else card
            Path(aside, "model", "README.md").write_text(text, encoding="utf-8")
            return hub.upload(Path(aside, "model"), repo_id, revision=revision, private=private, token=token)

    def model_card(
        self,
        rows: Sequence[Row] = (),
        *,
        name: str = "A hierarchical text classifier",
        data: str | None = None,
        customers: bool = False,
    ) -> str:
        """What the model is, how good it is at each view, and where it ends, in Markdown as the hub has it.

        Args:
            rows: Labelled rows that were not trained on, on which it is measured; none: nothing is said of that.
            name: The title.
            data: What it was trained on, in a sentence or two.
            customers: Whether customers are named; without it they are numbered, and their classes not shown.

        Returns:
            The card.

        Raises:
            DataError: If labels are illegal; all of them are listed.
        """
        check_is_fitted(self, "taxonomy_")
        return card.model_card(self, rows, name=name, data=data, customers=customers)

    def export(
        self, path: str | Path, *, format: Format = "onnx", texts: Iterable[str] | None = None
    ) -> writing.Parity:
        """Write the trained model for a runtime that needs no torch; ``hiercls.export.load`` reads it.

        Args:
            path: The folder; it must not be there, or be empty.
            format: ``onnx`` or ``openvino``.
            texts: What the export must answer as torch does in float32; None: the topics' own words, short and long.

        Returns:
            How well they agree; where they do not, nothing is written.

        Raises:
            ConfigError: If there is no such format, or topics were added, split or merged after training.
            ModelFolderError: If something stands at the folder, or the answers differ.
            MissingExtraError: If the exporter is not installed.
        """
        check_is_fitted(self, "taxonomy_")
        given = None if texts is None else [row.text for row in make_rows(texts)]
        return writing.export(self.scorer_, self.taxonomy_, Path(path), format=format, texts=given)
