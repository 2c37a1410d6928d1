"""Runs a seeded, resumable training loop: whoever stops it and starts it again gets the same weights."""

import logging
import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.ema import MovingAverage

LossOfPart = Callable[[int, int], Tensor]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train.

    Attributes:
        steps: optimiser steps in all.
        learning_rate: at its height: reached after `warmup` steps, falling to zero after `hold` of all steps.
        batch: samples a step.
        warmup: steps of linear rise.
        hold: share of the steps after which the rate falls along half a cosine.
        weight_decay: of AdamW, on matrices only.
        gradient_limit: largest norm of the gradient.
        average: decay of the moving average of the weights.
        seed: of everything drawn at random.
        save_seconds: time between checkpoints.
        log_steps: steps between log lines.
        parts: pieces a batch is cut into, each computed by a thread of its own. Two cores that meet once a
            step are faster than two that meet at every operation, above all where others want them too.
    """

    steps: int
    learning_rate: float
    batch: int
    warmup: int = 200
    hold: float = 0.7
    weight_decay: float = 0.01
    gradient_limit: float = 1.0
    average: float = 0.999
    seed: int = 0
    save_seconds: float = 120.0
    log_steps: int = 50
    parts: int = 1

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        start = self.hold * self.steps
        done = min(1.0, max(0.0, (step - start) / max(1.0, self.steps - start)))
        return self.learning_rate * rising * 0.5 * (1.0 + math.cos(math.pi * done))


def seeded(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """A generator of its own for each step, so that nothing random has to be saved."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) * 16 + stream)


def optimiser_for(parameters: Iterable[nn.Parameter], settings: Settings) -> torch.optim.AdamW:
    """AdamW that decays matrices and leaves gains and biases alone."""
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99))


class Training:
    """Weights, optimiser and average of one stage, kept in one file."""

    def __init__(self, network: nn.Module, settings: Settings, file: Path) -> None:
        self.network = network
        self.settings = settings
        self.file = file
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.optimiser = optimiser_for(self.parameters, settings)
        self.average = MovingAverage(network, settings.average)
        self.step = 0
        self._threads = ThreadPoolExecutor(max_workers=settings.parts)
        if file.exists():
            self._load()

    def run(self, loss_at: LossOfPart, until: int | None = None) -> None:
        """Train up to a step (by default the last), saving now and then.

        `loss_at` gives the loss of a step and a part of its batch.
        """
        settings = self.settings
        end = min(settings.steps, until if until is not None else settings.steps)
        began = self.step
        saved, marked, losses = time.monotonic(), time.monotonic(), []
        while self.step < end:
            losses.append(self.advance(loss_at))
            now = time.monotonic()
            if self.step % settings.log_steps == 0:
                pace = len(losses) / max(1e-9, now - marked)
                mean = sum(losses) / len(losses)
                logger.info("step %d of %d, loss %.5f, %.2f steps/s", self.step, settings.steps, mean, pace)
                marked, losses = now, []
            if now - saved > settings.save_seconds:
                self.save()
                saved = time.monotonic()
        if self.step > began:
            self.save()

    def advance(self, loss_at: LossOfPart) -> float:
        """Take one step; returns its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(self.step)
        loss = self._gradients(loss_at)
        nn.utils.clip_grad_norm_(self.parameters, self.settings.gradient_limit)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.network, self.step)
        return loss

    def _gradients(self, loss_at: LossOfPart) -> float:
        """Give every parameter the mean gradient of the parts of one batch; returns the mean loss."""
        parts = self.settings.parts
        threads = torch.get_num_threads()

        def one(part: int) -> tuple[float, tuple[Tensor, ...]]:
            torch.set_num_threads(max(1, threads // parts))
            loss = loss_at(self.step, part)
            return loss.item(), torch.autograd.grad(loss, self.parameters)

        results = list(self._threads.map(one, range(parts)))
        for parameter, *gradients in zip(self.parameters, *(found for _, found in results), strict=True):
            parameter.grad = torch.stack(gradients).mean(dim=0) if parts > 1 else gradients[0]
        return sum(loss for loss, _ in results) / parts

    def save(self) -> None:
        """Write the checkpoint, replacing the last one in a single move."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".part")
        torch.save(self._state(), unfinished)
        unfinished.replace(self.file)

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
        }

    def _load(self) -> None:
        state = torch.load(self.file, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.weights = state["average"]
        self.step = state["step"]
        logger.info("going on from step %d of %s", self.step, self.file)
