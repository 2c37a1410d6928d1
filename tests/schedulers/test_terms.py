"""Do further inputs, controls and hooks of a condition reach the network, and keep apart what differs?"""

from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from models.call import Call, current_call
from models.conditioner import Surroundings
from models.control.residuals import ControlResiduals
from models.noise import NoiseTable
from schedulers.batching import ConditionedDenoiser
from schedulers.conditioning import CellArea, ConditioningValue, Setting, resolve
from schedulers.prediction import NetworkDenoiser
from schedulers.tables import sigma_table
from tests.schedulers.toys import entry, toy_model

TABLE = sigma_table(NoiseTable())
X = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(3))
SIGMA = 2.0


class Recorder(nn.Module):
    """Remembers what it is run with."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.gain = 1.0
        self.seen: list[tuple[Tensor, dict[str, Any], Call, float]] = []

    def forward(self, x: Tensor, t: Tensor, context: Tensor, **inputs: Any) -> Tensor:
        self.seen.append((x, inputs, current_call(), self.gain))
        return x[:, :4]


@dataclass(frozen=True)
class Pictures:
    """Concatenates the field "picture" and hands on the field "size"."""

    spatial: frozenset[str] = frozenset({"concat"})

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        return {"concat": fields["picture"], "vector": torch.tensor([[fields["size"], len(where.role)]])}


@dataclass(frozen=True, eq=False)
class Shift:
    network: None = None

    def bind(self, where: Surroundings, percent_to_sigma: Any) -> "Shift":
        return self

    def residuals(self, x: Tensor, *rest: Any) -> ControlResiduals:
        return ControlResiduals(middle=x[:, :1])


@dataclass(frozen=True)
class Louder:
    key: Hashable = "louder"

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        undo.callback(setattr, root, "gain", root.gain)
        root.gain = 2.0


@dataclass(frozen=True)
class Always:
    def bind(self, run: Any) -> "Always":
        return self

    def patches(self, sigma: float) -> tuple[Louder, ...]:
        return (Louder(),)


def run(positive: ConditioningValue, negative: ConditioningValue = ()) -> Recorder:
    network = Recorder()
    model = replace(toy_model(), network=network, conditioner=Pictures())
    where = Surroundings(X, X, None, 0, X.device)
    setting = Setting(model.conditioner, where, TABLE.percent_to_sigma)
    lists = resolve({"positive": positive, "negative": negative}, setting)
    denoise = ConditionedDenoiser(NetworkDenoiser.of(model), lists, (3.0, 2.0, 0.0))
    denoise(X, SIGMA, ("positive", "negative"))
    return network


def fields(size: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"picture": torch.arange(256.0).reshape(1, 1, 16, 16), "size": size, **more}


def test_further_inputs_are_stacked_with_their_rows_and_pictures_behind_the_channels() -> None:
    network = run((entry(1, extra=fields(1.0)),), (entry(2, extra=fields(2.0)),))
    ((x, inputs, call, _),) = network.seen
    assert x.shape == (2, 5, 16, 16)
    assert torch.equal(x[0, 4], torch.arange(256.0).reshape(16, 16))
    assert inputs["vector"].tolist() == [[2.0, 8.0], [1.0, 8.0]]
    assert call == Call(SIGMA, ("negative", "positive"), 1, 16, 16, (3.0, 2.0, 0.0))


def test_an_area_takes_its_part_of_a_picture() -> None:
    ((x, inputs, call, _),) = run((entry(1, area=CellArea(8, 8, 8, 4), extra=fields()),)).seen
    assert (call.height, call.width) == (8, 8)
    assert torch.equal(x[0, 4], torch.arange(256.0).reshape(16, 16)[8:16, 4:12])
    assert inputs["vector"].tolist() == [[1.0, 8.0]]


def test_terms_with_the_same_control_share_a_call_and_others_do_not() -> None:
    control = (Shift(),)
    network = run((entry(1, extra=fields(control=control)), entry(2, extra=fields(control=control))))
    ((_, inputs, _, _),) = network.seen
    assert inputs["control"].middle.shape == (2, 1, 16, 16)
    network = run((entry(1, extra=fields(control=control)),), (entry(2, extra=fields()),))
    assert [("control" in inputs) for _, inputs, _, _ in network.seen] == [True, False]


def test_a_hook_changes_the_network_for_its_own_entry_only() -> None:
    network = run((entry(1, extra=fields(hooks=Always())),), (entry(2, extra=fields()),))
    assert [(call.rows, gain) for _, _, call, gain in network.seen] == [
        (("positive",), 2.0),
        (("negative",), 1.0),
    ]
    assert network.gain == 1.0


def test_the_partner_of_an_area_keeps_its_own_words_and_takes_the_place_of_the_other() -> None:
    control = (Shift(),)
    regional = entry(1, area=CellArea(8, 8, 0, 0), extra=fields(1.0, control=control))
    network = run((regional,), (entry(2, extra=fields(2.0)),))
    shared = network.seen[0]
    assert shared[1]["vector"].tolist() == [[2.0, 8.0], [1.0, 8.0]]
    assert shared[2].rows == ("negative", "positive")
    assert "control" in shared[1]


def texts(call: Call, name: str) -> list[tuple[float, float]]:
    """First number and strength of each text that a row of a list may keep away from."""
    return [(float(text[0, 0, 0]), strength) for text, strength in call.against(call.rows.index(name))]


def test_a_row_is_told_the_negative_prompts_that_hold_now_in_its_place() -> None:
    def named(number: float, **more: Any) -> Any:
        made = entry(1, extra=fields(), **more)
        return replace(made, embedding=torch.full_like(made.embedding, number))

    place = CellArea(8, 8, 0, 0)
    early = {"start": 0.0, "end": 0.01}
    unwanted = (named(5, strength=0.5), named(6, area=place), named(7, **early), named(8))
    network = run((named(1), named(2, area=place)), unwanted)
    told = {(call.height, call.rows): texts(call, "positive") for _, _, call, _ in network.seen}
    assert {height: sorted(one) for (height, _), one in told.items()} == {
        16: [(5.0, 0.5), (8.0, 1.0)],
        8: [(6.0, 1.0)],
    }
    assert texts(run((named(1),)).seen[0][2], "positive") == []


def test_texts_of_each_picture_go_with_the_rows_into_which_memory_splits_a_batch() -> None:
    network, pictures = Recorder(), torch.arange(3.0)[:, None, None].expand(3, 7, 8)
    model = replace(toy_model(), network=network, conditioner=Pictures())
    x = X.repeat(3, 1, 1, 1)
    setting = Setting(model.conditioner, Surroundings(x, x, None, 0, x.device), TABLE.percent_to_sigma)
    unwanted = replace(entry(2, extra=fields()), embedding=pictures)
    lists = resolve({"positive": (entry(1, extra=fields()),), "negative": (unwanted,)}, setting)
    denoise = ConditionedDenoiser(NetworkDenoiser.of(model), lists, most_rows=2)
    for _ in range(2):
        denoise(x, SIGMA, ("positive",))
    told = [call.against(0)[0][0][:, 0, 0].tolist() for _, _, call, _ in network.seen]
    assert told == [[0.0, 1.0], [2.0]] * 2
    first, _, again, _ = (call.against(0)[0][0] for _, _, call, _ in network.seen)
    assert again is first
