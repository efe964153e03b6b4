"""The network learns: a teacher's space is matched, by photos and by drawings of them."""

from __future__ import annotations

import math
import multiprocessing
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkProcess

import cv2
import torch
from torch.nn import functional

from image_search.imaging.arrays import Pixels
from training.lessons import Lesson, Lessons
from training.placing import Places
from training.student import State, Student, lasting
from training.teaching import Taught
from training.together import Together


@dataclass(frozen=True)
class Recipe:
    """What can be set. ``minutes`` are of learning alone; more cores see more in the same time."""

    minutes: float = 75.0
    seed: int = 1
    rate: float = 2e-3
    decay: float = 0.05
    warm_up: int = 200
    temperature: float = 0.1
    #: What distinguishing photos by their layout counts beside matching the teacher.
    of_layout: float = 0.25
    #: What is seen in each place counts beside what is seen in all of a picture.
    of_places: float = 1.0
    #: Of the way from the weights gone on from to those that are reached, what is gone in the end.
    #: Between the two lie weights that know more of what neither has seen (Wortsman and others,
    #: "Robust fine-tuning of zero-shot models", CVPR 2022).
    of_the_way: float = 0.6
    #: Small squares first; the figures are then taken at the full size, which finds more still.
    sides: tuple[tuple[float, int], ...] = ((0.4, 112), (0.8, 128), (1.0, 160))
    #: Processes that learn together, each on a core of its own; on a graphics card, one.
    workers: int = 1
    #: Processes that make lessons for one that learns alone.
    feeders: int = 1


#: Of the weights that are kept, the share that stays at each step.
_SMOOTHING = 0.998
_TELL_SECONDS = 60.0
_KEEP_SECONDS = 600.0


def learn(
    taught: Taught,
    recipe: Recipe,
    tell: Callable[[str], None],
    keep: Callable[[State], None],
    start: State | None = None,
) -> State:
    """Weights of ``Design``, averaged over the last steps; ``start`` to go on from others, and then
    to stay between them and what is reached.

    ``tell`` gets a line now and then, ``keep`` the weights so far, in case that it is cut short.
    """
    torch.manual_seed(recipe.seed)
    network = Student()
    if start is not None:
        network.begin(start)
    together = Together(recipe.workers, sum(p.numel() for p in network.parameters()))
    if recipe.workers > 1:
        # Before there are threads, of which the forked processes would have none.
        torch.set_num_threads(1)
        cv2.setNumThreads(1)

    def work(number: int) -> State:
        return _steps(network, taught, recipe, together, number, tell, keep)

    reached = lasting(together.run(work))
    return reached if start is None else _between(start, reached, recipe.of_the_way)


def _between(start: State, end: State, share: float) -> State:
    return {
        name: torch.lerp(start[name], value, share) if value.dtype.is_floating_point else value
        for name, value in end.items()
    }


def _steps(
    network: Student,
    taught: Taught,
    recipe: Recipe,
    together: Together,
    number: int,
    tell: Callable[[str], None],
    keep: Callable[[State], None],
) -> State:
    """All steps of one of the processes that learn, of which number 0 reports."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = _optimiser(network, recipe)
    half = device.type == "cuda" or _has_bfloat16()
    places = Places(device)
    with _Feed(taught, recipe, number) as feed:
        began = shown_at = saved = time.monotonic()
        steps, done = 0, _passed(began, recipe)
        while done < 1:
            side = next(side for until, side in recipe.sides if done < until)
            for group in optimiser.param_groups:
                warm = min(1.0, (steps + 1) / recipe.warm_up)
                group["lr"] = recipe.rate * warm * 0.5 * (1 + math.cos(math.pi * done))
            lesson = feed.take(side)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                meaning, layout, grids = network.all_of(
                    batch(lesson.squares, device), torch.from_numpy(lesson.located).to(device)
                )
            targets = torch.from_numpy(lesson.targets).to(device)
            loss = loss_of(meaning.float(), targets, recipe.temperature)
            apart = places.loss_of(meaning.float(), layout.float(), lesson)
            off = loss_of_grids(grids.float(), torch.from_numpy(lesson.grids).to(device))
            optimiser.zero_grad()
            total = loss + recipe.of_layout * apart + recipe.of_places * off
            total.backward()  # type: ignore[no-untyped-call]
            done = together.mean(number, network.parameters(), _passed(began, recipe))
            optimiser.step()
            steps += 1
            _average(kept, network, steps)
            if number == 0 and time.monotonic() - shown_at > _TELL_SECONDS:
                shown_at = time.monotonic()
                rate = steps * len(lesson.squares) * recipe.workers / (shown_at - began)
                tell(
                    f"{done:4.0%}  step {steps}, {rate:.0f} squares/s, loss {loss.item():.3f}, "
                    f"of layouts {apart.item():.3f}, of grids {off.item():.3f}"
                )
            if number == 0 and time.monotonic() - saved > _KEEP_SECONDS:
                saved = time.monotonic()
                keep(lasting(kept))
    return {name: value.cpu() for name, value in kept.items()}


def _passed(began: float, recipe: Recipe) -> float:
    return (time.monotonic() - began) / 60 / recipe.minutes


def loss_of(made: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    """How far unit rows ``made`` (n, dim) are from ``targets`` (n, dim).

    Twice the mean of 1 - cosine, and half the cross entropy between whom of the batch a row is near
    and whom its target is near (relational distillation after Park and others, CVPR 2019, in the
    form of Tian and others' contrastive one, ICLR 2020).
    """
    apart = 1 - (made * targets).sum(dim=1)
    wanted = torch.softmax(targets @ targets.t() / temperature, dim=1)
    among = functional.cross_entropy(made @ targets.t() / temperature, wanted)
    return 2 * apart.mean() + 0.5 * among


def loss_of_grids(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Squared distance of ``made`` from ``wanted``, (m, g, g, dim) both, as a share of the squared
    length of what is wanted: 1 where nothing is known. A cell that holds little counts little."""
    return (made - wanted).square().sum() / wanted.square().sum()


def _optimiser(network: Student, recipe: Recipe) -> torch.optim.Optimizer:
    # Scales and shifts are not to be drawn towards nothing.
    many = [p for p in network.parameters() if p.ndim > 1]
    few = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": many, "weight_decay": recipe.decay}, {"params": few, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate)


def _average(kept: State, network: Student, steps: int) -> None:
    share = min(_SMOOTHING, 1 - 1 / (1 + steps / 10))
    for name, value in network.state_dict().items():
        if value.dtype.is_floating_point:
            kept[name].mul_(share).add_(value, alpha=1 - share)
        else:
            kept[name].copy_(value)


def batch(squares: Pixels, device: torch.device) -> torch.Tensor:
    """Squares (n, side, side, 3) as the network takes them."""
    tensor = torch.from_numpy(squares).to(device).permute(0, 3, 1, 2).float().div_(255)
    return tensor.contiguous(memory_format=torch.channels_last)


def _has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16 itself; emulated, it is slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported())


class _Feed:
    """Processes that make lessons ahead of the learning; without any, they are made in between."""

    def __init__(self, taught: Taught, recipe: Recipe, number: int) -> None:
        self._own = Lessons(taught, recipe.seed + 100 * number)
        self._feeders: list[ForkProcess] = []
        if recipe.workers > 1 or not recipe.feeders:
            return
        # Forked, so that the pictures are shared and not copied.
        context = multiprocessing.get_context("fork")
        self._side = context.Value("i", recipe.sides[0][1])
        self._lessons: multiprocessing.Queue[Lesson] = context.Queue(6)
        self._feeders = [
            context.Process(
                target=_feed,
                args=(taught, recipe.seed * 1000 + number, self._side, self._lessons),
                daemon=True,
            )
            for number in range(recipe.feeders)
        ]

    def __enter__(self) -> _Feed:
        for feeder in self._feeders:
            feeder.start()
        return self

    def __exit__(self, *_: object) -> None:
        for feeder in self._feeders:
            feeder.terminate()
            feeder.join()

    def take(self, side: int) -> Lesson:
        """The next lesson; those made ahead may still be of another side."""
        if not self._feeders:
            return self._own.batch(side)
        self._side.value = side
        while True:
            try:
                return self._lessons.get(timeout=5)
            except queue.Empty:
                if not all(feeder.is_alive() for feeder in self._feeders):
                    raise RuntimeError("A process that makes lessons has ended.") from None


def _feed(taught: Taught, seed: int, side: object, lessons: multiprocessing.Queue[Lesson]) -> None:
    cv2.setNumThreads(1)
    made = Lessons(taught, seed)
    while True:
        lessons.put(made.batch(side.value))  # type: ignore[attr-defined]
