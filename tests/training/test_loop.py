"""The training loop: what it minimises, what it keeps, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hiercls.data.rows import Row
from hiercls.encoding.states import hidden_states
from hiercls.errors import TrainingError
from hiercls.losses import cascade_loss
from hiercls.model.batch import LabelledDocuments
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.heads import CascadeHead, HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.inputs import EncodingInputs, WindowInputs
from hiercls.model.layers import halves
from hiercls.model.levels import Hierarchy
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.targets import TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.training import steps
from hiercls.training.config import TrainingConfig
from hiercls.training.distributed import Processes
from hiercls.training.loop import TrainingRun, train
from hiercls.training.parameters import WeightAverage
from hiercls.training.steps import Steps, weights_of

CPU = torch.device("cpu")
CONFIG = TrainingConfig(epochs=6, batch_size=16, learning_rate=0.02, weight_decay=0.01)


def make_documents(
    taxonomy: Taxonomy, n_documents: int = 60, *, composition: Any = "topic", **changes: Any
) -> LabelledDocuments:
    """Noisy one-hot encodings, labelled by the customers in turn."""
    generator = np.random.default_rng(0)
    topics = generator.integers(6, size=n_documents)
    encodings = np.eye(6, dtype=np.float32)[topics] + 0.1 * generator.normal(size=(n_documents, 6)).astype(np.float32)
    rows = []
    for number, topic in enumerate(topics):
        name = taxonomy.customers[number % 3]
        view = taxonomy.view(name)
        label = next(label for label in view.classes if topic in view.members(label))
        rows.append(Row(text="…", labels=((name, label),)))
    settings = {
        "inputs": EncodingInputs(encodings),
        "targets": TargetTable(taxonomy, resolve(taxonomy, rows).labels, composition=composition),
        "weights": np.ones(n_documents, dtype=np.float32),
        "groups": np.array([row.labels[0][0] for row in rows]),
    }
    return LabelledDocuments(**(settings | changes))


def make_network(
    taxonomy: Taxonomy, *, width: int = 6, body: nn.Module | None = None, dropout: float = 0.2, **settings: Any
) -> HierarchicalNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = CascadeHead(width, Hierarchy.of(taxonomy), HeadConfig(hidden=8, dropout=dropout, **settings))
    return HierarchicalNetwork(head, body=nn.Identity() if body is None else body)


def run(network: HierarchicalNetwork, documents: LabelledDocuments, config: TrainingConfig, **more: Any) -> TrainingRun:
    settings = {"level_weights": torch.ones(2), "device": CPU, "seed": 0} | more
    return train(network, documents, config=config, **settings)


def state(network: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(left.equal(right) for left, right in zip(one, other, strict=True))


# ------------------------------------------------------------------------------------------- what it minimises


@pytest.mark.parametrize("composition", ["topic", "path"])
@pytest.mark.parametrize("teacher_forcing", [0.0, 1.0])
def test_the_loss_goes_down_to_fine_topics(tiny: Taxonomy, composition: Any, teacher_forcing: float) -> None:
    network = make_network(tiny, composition=composition)
    documents = make_documents(tiny, composition=composition)
    config = TrainingConfig(
        epochs=25, batch_size=16, learning_rate=0.03, weight_decay=0.01, teacher_forcing=teacher_forcing
    )
    history = run(network, documents, config)
    assert history.losses[-1] < 0.5 * history.losses[0]
    assert (len(history.losses), history.heldout, history.best_epoch) == (25, (), 25)
    assert math.isnan(history.best_heldout)
    assert not history.interrupted
    encodings = torch.from_numpy(documents.inputs.encodings)
    found = network(encodings).topics.argmax(-1)
    assert float((found == encodings.argmax(-1)).float().mean()) > 0.9


def one_step(tiny: Taxonomy, documents: LabelledDocuments, **settings: Any) -> list[torch.Tensor]:
    """The gradients' direction of one step of plain AdamW: signs of what one whole batch gives."""
    network = make_network(tiny, dropout=0.0)
    before = state(network)
    config = TrainingConfig(epochs=1, batch_size=1000, learning_rate=0.01, weight_decay=0.0, warmup=0.0, **settings)
    run(network, documents, config)
    return [after - first for first, after in zip(before, state(network), strict=True)]


def test_the_first_step_goes_down_the_gradient_of_the_weighted_mean(tiny: Taxonomy) -> None:
    weights = np.random.default_rng(0).uniform(0.2, 3.0, size=60).astype(np.float32)
    documents = make_documents(tiny, weights=weights)
    network = make_network(tiny, dropout=0.0)
    batch = documents.batch(np.arange(60))
    loss = cascade_loss(network(batch.inputs), batch.targets, level_weights=torch.ones(2), composed=False)
    (loss.per_document * torch.from_numpy(weights)).sum().backward()
    for parameter, moved in zip(network.parameters(), one_step(tiny, documents), strict=True):
        expected = -0.01 * parameter.grad.sign()
        clear = parameter.grad.abs() > 1e-3
        torch.testing.assert_close(moved[clear], expected[clear], atol=2e-4, rtol=0)


def test_weights_count_against_each_other_and_not_within_a_batch_alone(tiny: Taxonomy) -> None:
    """With one document a batch, a heavier document still pulls harder."""
    rows = [Row(text="…", labels=(("topic", name),)) for name in "AB"]
    targets = TargetTable(tiny, resolve(tiny, rows).labels, composition="topic")
    encodings = EncodingInputs(np.ones((2, 6), dtype=np.float32))
    chances = []
    for heavy in (0, 1):
        weights = np.ones(2, dtype=np.float32)
        weights[heavy] = 9.0
        documents = LabelledDocuments(inputs=encodings, targets=targets, weights=weights, groups=np.array(["t", "t"]))
        network = make_network(tiny, dropout=0.0)
        run(
            network,
            documents,
            TrainingConfig(epochs=60, batch_size=1, learning_rate=0.01, weight_decay=0.0, max_grad_norm=100.0),
        )
        chances.append(network(torch.ones(1, 6)).topics.exp()[0, :2].tolist())
    assert chances[0][0] > 0.7
    assert chances[1][1] > 0.7


def test_documents_without_weight_in_a_batch_are_no_error(tiny: Taxonomy) -> None:
    weights = np.zeros(60, dtype=np.float32)
    weights[:3] = 1.0
    network = make_network(tiny)
    history = run(network, make_documents(tiny, weights=weights), CONFIG)
    assert np.isfinite(history.losses).all()


def test_level_weights_weigh_the_levels(tiny: Taxonomy) -> None:
    network = make_network(tiny, dropout=0.0)
    first = state(network.head.heads[0])
    run(network, make_documents(tiny), CONFIG, level_weights=torch.tensor([0.0, 1.0]))
    assert not same(first, state(network.head.heads[0]))  # what is fed to the topics is learnt all the same
    network = make_network(tiny, dropout=0.0)
    last = state(network.head.heads[1])
    zero_decay = TrainingConfig(epochs=2, batch_size=16, weight_decay=0.0)
    run(network, make_documents(tiny), zero_decay, level_weights=torch.tensor([1.0, 0.0]))
    assert same(last, state(network.head.heads[1]))


def test_balanced_sampling_visits_a_small_customer_more(tiny: Taxonomy) -> None:
    groups = np.array(["small"] * 2 + ["large"] * 58)
    seen: list[int] = []
    documents = make_documents(tiny, groups=groups)
    batch = LabelledDocuments.batch

    def watched(self: LabelledDocuments, positions: np.ndarray) -> Any:
        seen.extend(positions.tolist())
        return batch(self, positions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LabelledDocuments, "batch", watched)
        config = TrainingConfig(epochs=1, batch_size=16, weight_decay=0.0, sampling_temperature=math.inf)
        run(make_network(tiny), documents, config)
    assert (len(seen), sum(position < 2 for position in seen)) == (60, 30)


def test_the_step_size_rises_for_the_warm_up_and_falls_to_zero(tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.AdamW.step

    def watch(self: torch.optim.AdamW, *args: Any, **settings: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **settings)

    monkeypatch.setattr(torch.optim.AdamW, "step", watch)
    config = TrainingConfig(epochs=5, batch_size=15, learning_rate=1.0, weight_decay=0.0, warmup=0.2)
    run(make_network(tiny), make_documents(tiny), config)
    np.testing.assert_allclose(rates, [0.25, 0.5, 0.75, 1.0, *np.arange(16, 0, -1) / 16])


def test_teacher_forcing_falls_to_none_at_half_of_the_steps(tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float | None] = []
    forward = CascadeHead.forward

    def watch(self: CascadeHead, encodings: torch.Tensor, *, forcing: Any = None) -> Any:
        shares.append(None if forcing is None else float(forcing.documents.float().mean()))
        return forward(self, encodings, forcing=forcing)

    monkeypatch.setattr(CascadeHead, "forward", watch)
    documents = make_documents(tiny, n_documents=600)
    config = TrainingConfig(epochs=2, batch_size=120, weight_decay=0.0, teacher_forcing=0.8)
    run(make_network(tiny), documents, config)
    assert shares[5:] == [None] * 5
    np.testing.assert_allclose([share or 0.0 for share in shares[:5]], [0.8, 0.64, 0.48, 0.32, 0.16], atol=0.12)


def test_teacher_forcing_may_stay(tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float | None] = []
    forward = CascadeHead.forward

    def watch(self: CascadeHead, encodings: torch.Tensor, *, forcing: Any = None) -> Any:
        shares.append(None if forcing is None else float(forcing.documents.float().mean()))
        return forward(self, encodings, forcing=forcing)

    monkeypatch.setattr(CascadeHead, "forward", watch)
    documents = make_documents(tiny, n_documents=600)
    forcing = {"teacher_forcing": 0.5, "teacher_forcing_schedule": "constant"}
    run(make_network(tiny), documents, TrainingConfig(epochs=2, batch_size=120, weight_decay=0.0, **forcing))
    np.testing.assert_allclose([share or 0.0 for share in shares], [0.5] * 10, atol=0.15)


def test_the_head_s_penalty_is_part_of_what_is_minimised(tiny: Taxonomy) -> None:
    distances = []
    for strength in (0.0, 10.0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            head = HiagmConfig(node_width=4, dropout=0.0, recursive_regularization=strength).build(6, tiny)
        network = HierarchicalNetwork(head, body=nn.Identity())
        config = TrainingConfig(epochs=10, batch_size=16, learning_rate=0.03, weight_decay=0.0)
        history = run(network, make_documents(tiny), config)
        assert history.losses[-1] < history.losses[0]
        weights = head.classifier.weight.detach()
        distances.append(float((weights[:2].repeat_interleave(3, dim=0) - weights[2:]).square().sum()))
    assert distances[1] < 0.1 * distances[0]


# ------------------------------------------------------------------------------------------------ what it keeps


def scripted(losses: list[float], seen: list[list[torch.Tensor]] | None = None) -> Callable[..., float]:
    """A held-out loss that follows a script, and notes the weights that it was shown."""
    rest = iter(losses)

    def validate(network: HierarchicalNetwork) -> float:
        assert not network.training
        if seen is not None:
            seen.append(state(network))
        return next(rest)

    return validate


def test_early_stopping_keeps_the_best_weights(tiny: Taxonomy) -> None:
    network, seen = make_network(tiny), []
    config = TrainingConfig(epochs=10, batch_size=16, weight_decay=0.0, patience=0.3)
    history = run(network, make_documents(tiny), config, validate=scripted([3, 2, 1, 1.5, 1, 2, 0, 0], seen))
    assert history.heldout == (3, 2, 1, 1.5, 1, 2)
    assert (history.best_epoch, history.best_heldout) == (3, 1)
    assert same(state(network), seen[2])
    assert not same(state(network), seen[5])
    assert not network.training


def test_patience_is_a_share_of_the_epochs_and_at_least_one(tiny: Taxonomy) -> None:
    for epochs, patience, n_run in ((4, 0.25, 2), (4, 0.5, 3), (4, 1.0, 4), (3, 0.01, 2)):
        config = TrainingConfig(epochs=epochs, batch_size=64, weight_decay=0.0, patience=patience)
        history = run(make_network(tiny), make_documents(tiny), config, validate=scripted([1, 2, 3, 4]))
        assert len(history.heldout) == n_run


def interrupted_at(epoch: int, losses: list[float]) -> Callable[..., float]:
    follow = scripted(losses)
    count = 0

    def validate(network: HierarchicalNetwork) -> float:
        nonlocal count
        count += 1
        if count == epoch:
            raise KeyboardInterrupt
        return follow(network)

    return validate


def test_ctrl_c_keeps_the_best_weights(tiny: Taxonomy) -> None:
    network, whole = make_network(tiny), make_network(tiny)
    seen: list[list[torch.Tensor]] = []
    run(whole, make_documents(tiny), CONFIG, validate=scripted([3, 1, 2, 2, 2, 2], seen))
    with pytest.warns(UserWarning, match="interrupted; the best weights so far are kept"):
        history = run(network, make_documents(tiny), CONFIG, validate=interrupted_at(4, [3, 1, 2]))
    assert history.interrupted
    assert (history.best_epoch, history.best_heldout) == (2, 1)
    assert same(state(network), seen[1])


def test_ctrl_c_in_the_first_epoch_keeps_what_there_is(tiny: Taxonomy) -> None:
    network = make_network(tiny)
    before = state(network)
    with pytest.warns(UserWarning, match="interrupted"):
        history = run(network, make_documents(tiny), CONFIG, validate=interrupted_at(1, []))
    assert history.interrupted
    assert math.isnan(history.best_heldout)
    assert not same(before, state(network))
    assert not network.training


def test_ctrl_c_while_weights_are_kept_takes_none_for_those_of_an_epoch(
    tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter([None, KeyboardInterrupt()])  # the first are those that the training begins with

    def interrupted(network: nn.Module) -> dict[str, torch.Tensor]:
        error = next(calls, None)
        if error is not None:
            raise error
        return weights_of(network)

    network = make_network(tiny)
    before = state(network)
    monkeypatch.setattr("hiercls.training.loop.weights_of", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        run(network, make_documents(tiny), CONFIG, validate=scripted([1, 1, 1, 1]))
    assert not same(before, state(network))


def test_parts_of_a_batch_are_one_process_s_own_matter(tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    def steps() -> Steps:
        processes = Processes.joined(torch.device("cpu"))
        return Steps(
            make_network(tiny),
            make_documents(tiny),
            CONFIG,
            level_weights=torch.ones(2),
            device=torch.device("cpu"),
            processes=processes,
            n_steps=10,
            mean_weight=1.0,
            advice=str,
        )

    halved = steps()
    halved.at_once = 7
    alone, one_of_two = steps(), steps()
    alone.restore(*halved.state())
    monkeypatch.setattr(Processes, "number", 2)
    one_of_two.restore(*halved.state())
    assert (alone.at_once, one_of_two.at_once) == (7, None)


def test_one_process_says_that_it_shares_nothing_out(tiny: Taxonomy) -> None:
    with pytest.warns(UserWarning, match="one process, which holds all weights"):
        run(make_network(tiny), make_documents(tiny), dataclasses.replace(CONFIG, epochs=1, shard_weights=True))


def spoil(documents: LabelledDocuments, position: int, value: float) -> LabelledDocuments:
    encodings = documents.inputs.encodings.copy()
    encodings[position] = value
    return make_documents_like(documents, inputs=EncodingInputs(encodings))


def make_documents_like(documents: LabelledDocuments, **changes: Any) -> LabelledDocuments:
    names = ("inputs", "targets", "weights", "groups", "origins")
    return LabelledDocuments(**({name: getattr(documents, name) for name in names} | changes))


def test_a_loss_that_is_not_finite_names_the_batch_and_keeps_the_last_good_weights(tiny: Taxonomy) -> None:
    network = make_network(tiny)
    before = state(network)
    documents = spoil(make_documents(tiny), 17, math.nan)
    with pytest.raises(TrainingError, match=r"loss .* is nan.*\b17\b.*no epoch was finished") as caught:
        run(network, documents, CONFIG)
    assert same(before, state(network))
    assert not network.training
    assert caught.value.kept is None


def test_the_batch_is_named_by_the_places_where_its_documents_first_stood(tiny: Taxonomy) -> None:
    documents = spoil(make_documents(tiny), 47, math.inf).take(np.arange(40, 60))
    with pytest.raises(TrainingError, match=r"\b47\b"):
        run(make_network(tiny), documents, CONFIG)


def test_weights_of_the_epochs_before_are_kept_when_a_later_one_fails(tiny: Taxonomy) -> None:
    network, seen = make_network(tiny), []

    def validate(shown: HierarchicalNetwork) -> float:
        seen.append(state(shown))
        if len(seen) == 2:
            with torch.no_grad():
                shown.head.heads[0][0].weight.fill_(math.nan)
        return float(len(seen))

    config = TrainingConfig(epochs=6, batch_size=16, weight_decay=0.0)
    with pytest.raises(TrainingError, match=r"step 9 is nan.*the weights after epoch 1 are kept") as caught:
        run(network, make_documents(tiny), config, validate=validate)
    assert caught.value.kept is network
    assert all(value.isfinite().all() for value in state(network))
    assert same(state(network), seen[0])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_heldout_loss_that_is_not_finite_stops_too(value: float, tiny: Taxonomy) -> None:
    network, seen = make_network(tiny), []
    with pytest.raises(TrainingError, match="held-out loss after epoch 2"):
        run(network, make_documents(tiny), CONFIG, validate=scripted([1.0, value], seen))
    assert same(state(network), seen[0])


def test_a_gradient_that_is_not_finite_stops_before_it_reaches_the_weights(tiny: Taxonomy) -> None:
    network = make_network(tiny)
    network.head.heads[1][0].weight.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(TrainingError, match=r"gradient.*step 1\b"):
        run(network, make_documents(tiny), TrainingConfig(epochs=1, batch_size=100, weight_decay=0.0))
    assert all(value.isfinite().all() for value in state(network))


# ------------------------------------------------------------------------------------- what it leaves alone


def test_equal_seeds_give_equal_runs(tiny: Taxonomy) -> None:
    networks = [make_network(tiny) for _ in range(3)]
    config = TrainingConfig(epochs=3, batch_size=16, weight_decay=0.1, teacher_forcing=0.5)
    histories = []
    for network, seed in zip(networks, (4, 4, 5), strict=True):
        torch.rand(3)  # whatever the process drew before
        histories.append(run(network, make_documents(tiny), config, seed=seed))
    assert histories[0] == histories[1] != histories[2]
    assert same(state(networks[0]), state(networks[1]))
    assert not same(state(networks[0]), state(networks[2]))


def test_the_process_s_random_state_is_left_alone(tiny: Taxonomy) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    run(make_network(tiny), make_documents(tiny), CONFIG)
    assert torch.get_rng_state().equal(before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


def test_nothing_is_printed_unless_asked(tiny: Taxonomy, capfd: pytest.CaptureFixture[str]) -> None:
    run(make_network(tiny), make_documents(tiny), CONFIG)
    assert capfd.readouterr() == ("", "")
    run(make_network(tiny), make_documents(tiny), CONFIG, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert all(f"{name}=" in err for name in tiny.customers)


# ------------------------------------------------------------------------------------------- regularisation


def gradient_of(tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[torch.Tensor]:
    """The gradients of the first step of a run over one batch."""
    found: list[torch.Tensor] = []

    def watch(self: torch.optim.AdamW, *args: Any, **more: Any) -> None:
        found.extend(parameter.grad.clone() for group in self.param_groups for parameter in group["params"])

    monkeypatch.setattr(torch.optim.AdamW, "step", watch)
    config = TrainingConfig(epochs=1, batch_size=1000, weight_decay=0.01, max_grad_norm=1e9, **settings)
    run(make_network(tiny, dropout=0.0), make_documents(tiny), config)
    return found


def test_l1_adds_the_sign_of_the_heads_matrices(tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, drawn = (gradient_of(tiny, monkeypatch, l1=l1) for l1 in (0.0, 0.25))
    signs = [value.sign() * (value.ndim > 1) for value in make_network(tiny).parameters()]
    order = sorted(range(len(signs)), key=lambda place: signs[place].ndim == 1)  # matrices are the first group
    for one, other, place in zip(plain, drawn, order, strict=True):
        torch.testing.assert_close(other - one, 0.25 * signs[place], atol=1e-5, rtol=1e-5)


def test_without_dropout_the_two_passes_of_r_drop_are_one(tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, twice = (gradient_of(tiny, monkeypatch, r_drop=weight) for weight in (0.0, 5.0))
    for one, other in zip(plain, twice, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_r_drop_brings_two_passes_together(tiny: Taxonomy) -> None:
    apart = []
    for weight in (0.0, 20.0):
        network = make_network(tiny, dropout=0.6)
        config = TrainingConfig(epochs=25, batch_size=16, learning_rate=0.02, weight_decay=0.0, r_drop=weight)
        run(network, make_documents(tiny), config)
        encodings = torch.from_numpy(make_documents(tiny).inputs.encodings)
        network.train()
        torch.manual_seed(0)
        with torch.no_grad():
            one, other = (network(encodings).topics for _ in range(2))
        apart.append(float(((one.exp() - other.exp()) * (one - other)).sum(dim=-1).mean()))
    assert apart[1] < 0.5 * apart[0]


def test_smoothed_labels_leave_a_network_less_certain(tiny: Taxonomy) -> None:
    certain = []
    for smoothing in (0.0, 0.2):
        network = make_network(tiny, dropout=0.0)
        config = TrainingConfig(
            epochs=30, batch_size=16, learning_rate=0.03, weight_decay=0.0, label_smoothing=smoothing
        )
        run(network, make_documents(tiny), config)
        topics = network(torch.eye(6)).topics
        assert topics.argmax(-1).tolist() == list(range(6))
        certain.append(float(topics.detach().exp().amax(-1).mean()))
    assert certain[1] < 0.95 < certain[0]


def test_the_average_is_what_is_judged_and_kept_and_training_goes_on_from_the_weights(
    tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[float, list[list[torch.Tensor]]] = {0.0: [], 0.3: []}
    networks = {}
    for averaging, seen in shown.items():
        network = networks[averaging] = make_network(tiny, dropout=0.0)
        config = TrainingConfig(epochs=4, batch_size=16, learning_rate=0.02, weight_decay=0.0, averaging=averaging)
        run(network, make_documents(tiny), config, validate=scripted([4, 3, 2, 2.5], seen))
        assert same(state(network), seen[2])
    assert not same(shown[0.0][0], shown[0.3][0])
    steps = []
    average = WeightAverage.add

    def watch(self: WeightAverage) -> None:
        steps.append([weight.detach().clone() for weight in self._weights])
        average(self)

    monkeypatch.setattr(WeightAverage, "add", watch)
    config = TrainingConfig(epochs=4, batch_size=16, learning_rate=0.02, weight_decay=0.0, averaging=0.3)
    run(make_network(tiny, dropout=0.0), make_documents(tiny), config, validate=scripted([4, 3, 2, 2.5]))
    assert len(steps) == 16
    for epoch, weights in enumerate(shown[0.0], start=1):  # the steps are those of a run without average
        torch.testing.assert_close(steps[4 * epoch - 1], weights, atol=1e-6, rtol=1e-5)


# ------------------------------------------------------------------------------------------- the encoder


def over_an_encoder(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: tuple[list[str], list[str]], *, dropout: float = 0.0
) -> tuple[HierarchicalNetwork, LabelledDocuments]:
    """A network with an encoder in it, and documents in tokens."""
    texts, topics = tiny_documents
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16))
    rows = [Row(text=text, labels=(("topic", topic),)) for text, topic in zip(texts, topics, strict=True)]
    documents = LabelledDocuments(
        inputs=WindowInputs(encoder.tokenize(texts), encoder.pad_id),
        targets=TargetTable(tiny, resolve(tiny, rows).labels, composition="topic"),
        weights=np.ones(len(rows), dtype=np.float32),
        groups=np.array(["topic"] * len(rows)),
    )
    return make_network(tiny, width=16, body=encoder, dropout=dropout), documents


def test_an_encoder_that_is_trained_changes_in_every_layer(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: tuple[list[str], list[str]]
) -> None:
    network, documents = over_an_encoder(tiny, tiny_bert, tiny_documents, dropout=0.2)
    encoder = network.body
    before = {name: value.clone() for name, value in encoder.named_parameters()}
    config = TrainingConfig(
        epochs=6, batch_size=16, learning_rate=0.02, encoder_learning_rate=0.003, weight_decay=0.0, teacher_forcing=0.5
    )
    history = run(network, documents, config)
    assert history.losses[-1] < 0.8 * history.losses[0]
    still = {name for name, value in encoder.named_parameters() if value.equal(before[name])}
    assert all("pooler" in name for name in still), still


ONE_STEP = TrainingConfig(
    epochs=1, batch_size=1000, learning_rate=0.01, weight_decay=0.0, encoder_dropout=0.0, warmup=0.0
)


def largest_difference(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(state(one), state(other), strict=True)
    return max(float((left - right).abs().max()) for left, right in pairs if left.is_floating_point())


def test_on_a_cpu_a_step_is_computed_by_parts_of_so_many_tokens_and_stays_the_same(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    networks, shapes = [], []
    for budget in (10_000, 40):
        monkeypatch.setattr(steps, "CPU_BATCH_TOKENS", budget)
        network, documents = over_an_encoder(tiny, tiny_bert, tiny_documents)
        network.body.register_forward_pre_hook(lambda _, given: shapes.append(given[0].ids.shape))
        run(network, documents, ONE_STEP)
        networks.append(network)
    assert shapes[0][0] == len(documents)
    assert len(shapes) > 3
    assert all(n_windows * n_tokens <= 40 for n_windows, n_tokens in shapes[1:])
    assert sum(n_windows for n_windows, _ in shapes[1:]) == len(documents)
    assert largest_difference(*networks) < 1e-4


@pytest.mark.parametrize("n_upper", [None, 1])
def test_activations_that_are_computed_again_are_not_kept_and_change_nothing(
    n_upper: int | None,
    tiny: Taxonomy,
    tiny_bert: Path,
    tiny_documents: tuple[list[str], list[str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    networks, kept = [], []
    for again in (False, True):
        sizes: list[int] = []
        network, documents = over_an_encoder(tiny, tiny_bert, tiny_documents)
        if n_upper is not None:
            lower, upper = halves(network.body.transformer, n_upper=n_upper)
            windows = network.body.tokenize(tiny_documents[0])
            states = hidden_states(lower, windows, pad_id=0, device=CPU, progress=False)
            documents = dataclasses.replace(documents, inputs=WindowInputs(states, None))
            network = make_network(
                tiny, width=16, body=network.body.with_transformer(upper, network.body.pooling), dropout=0.0
            )
        with torch.autograd.graph.saved_tensors_hooks(
            lambda one, sizes=sizes: (sizes.append(one.numel()), one)[1], lambda one: one
        ):
            run(network, documents, dataclasses.replace(ONE_STEP, activation_checkpointing=again))
        networks.append(network)
        kept.append(sum(sizes))
    assert kept[1] < 0.7 * kept[0]
    assert largest_difference(*networks) < 1e-6
    assert capfd.readouterr().err == ""


def test_activations_are_kept_again_in_the_next_training(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: tuple[list[str], list[str]]
) -> None:
    network, documents = over_an_encoder(tiny, tiny_bert, tiny_documents)
    layer = network.body.transformer.encoder.layer[0]
    for again in (True, False):
        run(network, documents, dataclasses.replace(ONE_STEP, activation_checkpointing=again))
        assert layer.gradient_checkpointing == again


def test_products_are_bfloat16_and_attention_plain_while_an_encoder_is_trained_and_only_then(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: tuple[list[str], list[str]]
) -> None:
    networks = []
    for trained_in, attention in ((torch.float32, "sdpa"), (torch.bfloat16, "eager")):
        network, documents = over_an_encoder(tiny, tiny_bert, tiny_documents)
        encoder = network.body
        encoder.trained_in = trained_in
        tokens = documents.inputs.batch(np.arange(5))
        exact = network.eval()(tokens).topics
        seen: list[tuple[torch.dtype, str]] = []
        encoder.transformer.encoder.layer[0].attention.self.query.register_forward_hook(
            lambda _, given, found, seen=seen, settings=encoder.transformer.config: seen.append(
                (found.dtype, settings._attn_implementation)
            )
        )
        torch.testing.assert_close(network(tokens).topics, exact)
        run(network, documents, ONE_STEP)
        network.eval()(tokens)
        assert seen[0] == seen[-1] == (torch.float32, "sdpa")
        assert seen[1] == (trained_in, attention)
        assert all(value.dtype == torch.float32 for value in network.parameters())
        networks.append(network)
    assert 0 < largest_difference(*networks) < 0.03
