"""The autoencoder of ``extractors.vae``, trained on the images of an index.

It sees each image a little moved, mirrored, darker or lighter and noisy, and has to draw it clean:
so it learns what is drawn rather than each pixel (Vincent and others, "Extracting and Composing
Robust Features with Denoising Autoencoders", ICML 2008).
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from image_search.errors import CacheError, IndexEmpty, UnknownImage
from image_search.extractors import vae
from image_search.extractors.weights.sources import AUTOENCODER
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import resized
from image_search.library import Library

if TYPE_CHECKING:
    import torch

# Images that it learns from at most, chosen evenly; they take 12 kB of memory each.
MOST_IMAGES = 20_000
# With fewer it learns them by heart, and nothing about designs.
FEWEST_IMAGES = 20
_BATCH = 32
_RATE = 2e-3
_WARM_UP = 50
# The standard deviation that a pixel (from -1 to 1) may be off by: the lower, the sharper are
# pictures, and the less ordered are their places.
_SPREAD = 0.15
# Reading pictures is a part of the work: it is shown as so many of the steps.
_READING = 10
# Seconds between two times that what was learnt is kept.
_KEPT_EVERY = 30.0

Progress = Callable[[int, int], None]
"""Is given how many steps of how many are done."""


@dataclass(frozen=True)
class Learnt:
    """What came of a training: ``losses`` are by epoch the error of pictures (mean squared, pixels
    from -1 to 1) and the divergence of places (nats); ``seconds`` and epochs are those of all runs
    together, ``images`` those that it learns from; ``stopped`` says whether it was cancelled."""

    images: int
    seconds: float
    losses: tuple[tuple[float, float], ...]
    stopped: bool


def squares_of(
    library: Library,
    most: int = MOST_IMAGES,
    on_progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[list[str], Pixels]:
    """The paths of at most ``most`` images of an index, evenly, and these as squares (n, SIDE,
    SIDE, 3) uint8; images that have gone are left out.

    Raises:
        IndexEmpty: fewer than ``FEWEST_IMAGES`` can be read.
    """
    snapshot = library.snapshot()
    known = [
        (segment.records.paths[row], int(segment.records.ids[row]))
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True)
        for row in np.flatnonzero(live & (segment.vector_of >= 0)).tolist()
    ]
    known.sort()
    taken = np.linspace(0, len(known) - 1, min(most, len(known))).astype(int).tolist()
    paths, squares = list[str](), list[Pixels]()
    megapixels = library.settings.image_megapixels
    for number, at in enumerate(taken):
        if cancelled():
            break
        path, image_id = known[at]
        with contextlib.suppress(UnknownImage):
            pixels = library.originals.pixels(f"{image_id:016x}", megapixels, vae.SIDE)
            if pixels is not None:
                paths.append(path)
                squares.append(resized(pixels, vae.SIDE, vae.SIDE))
        on_progress(number, len(taken))
    if len(squares) < FEWEST_IMAGES and not cancelled():
        raise IndexEmpty(
            f"An autoencoder needs at least {FEWEST_IMAGES} indexed images; there are "
            f"{len(squares)}."
        )
    return paths, np.stack(squares) if squares else np.zeros((0, vae.SIDE, vae.SIDE, 3), np.uint8)


class Trainer:
    """An autoencoder while it learns; ``kept`` is the file in which it goes on next time."""

    def __init__(self, kept: Path, *, again: bool = False) -> None:
        """Go on with what is ``kept``, unless it is to begin ``again`` or cannot be used."""
        import torch

        torch.manual_seed(0)
        self._path = kept
        self._network = vae.network()
        self._optimiser = torch.optim.AdamW(self._network.parameters(), _RATE, weight_decay=1e-4)
        self._losses = list[tuple[float, float]]()
        self._seconds, self._steps = 0.0, 0
        if not again and kept.exists():
            # Where the file cannot be used, for whatever reason, the training begins from nothing.
            with contextlib.suppress(Exception):
                self._take_up(torch.load(kept, weights_only=True))

    def _take_up(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._losses = [(float(one), float(other)) for one, other in state["losses"]]
        self._seconds, self._steps = float(state["seconds"]), int(state["steps"])

    def learn(
        self,
        squares: Pixels,
        minutes: float,
        on_progress: Progress = lambda *_: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Learnt:
        """Learn from ``squares`` (n, SIDE, SIDE, 3) for so many ``minutes``, or until it is
        ``cancelled``; keep what was learnt, and put it into the place of the extractor's weights.

        Raises:
            CacheError: it cannot be written.
        """
        import torch

        pictures = vae.tensor_of(squares)
        began, before, kept = time.monotonic(), self._seconds, time.monotonic()
        budget, stopped = 60 * minutes, False
        self._network.train()
        while not stopped and (passed := time.monotonic() - began) < budget:
            sums, count = np.zeros(2), 0
            for batch in torch.split(torch.randperm(len(pictures)), _BATCH):
                passed = time.monotonic() - began
                stopped = cancelled()
                if stopped or passed >= budget:
                    break
                # The rate falls towards the end of each run, which makes pictures sharper.
                rate = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * passed / budget))
                sums += self._step(pictures[batch], rate)
                count += 1
                on_progress(int(passed), max(1, math.ceil(budget)))
            if count:
                self._losses.append((float(sums[0] / count), float(sums[1] / count)))
            self._seconds = before + time.monotonic() - began
            if time.monotonic() - kept > _KEPT_EVERY:
                self._keep()
                kept = time.monotonic()
        self._network.eval()
        self._keep()
        self._publish()
        return Learnt(len(squares), self._seconds, tuple(self._losses), stopped)

    def _step(self, clean: torch.Tensor, rate: float) -> tuple[float, float]:
        import torch

        for group in self._optimiser.param_groups:
            group["lr"] = _RATE * rate * min(1.0, (self._steps + 1) / _WARM_UP)
        wanted = moved(clean)
        mean, log_variance = self._network.encode(noisy(wanted))
        drawn = self._network.decode(mean + torch.randn_like(mean) * (log_variance / 2).exp())
        wrong = drawn - wanted
        across = wrong[..., 1:] - wrong[..., :-1]
        down = wrong[..., 1:, :] - wrong[..., :-1, :]
        # Lines count beside areas, or they would be left out as too thin to matter.
        error = sum(part.pow(2).flatten(1).sum(1).mean() for part in (wrong, across, down))
        divergence = 0.5 * (mean.pow(2) + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss = error / (20 * _SPREAD**2) + divergence
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 50.0)
        self._optimiser.step()
        self._steps += 1
        return wrong.detach().pow(2).mean().item(), divergence.item()

    def _keep(self) -> None:
        import torch

        state = {
            "network": self._network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "losses": self._losses,
            "seconds": self._seconds,
            "steps": self._steps,
        }
        self._write(self._path, lambda aside: torch.save(state, aside))

    def _publish(self) -> None:
        from safetensors.torch import save_file

        state = {name: tensor.contiguous() for name, tensor in self._network.state_dict().items()}
        self._write(AUTOENCODER.place, lambda aside: save_file(state, aside))

    def _write(self, path: Path, write: Callable[[Path], object]) -> None:
        aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(aside)
            aside.replace(path)
        except (OSError, RuntimeError) as error:  # torch raises the latter for a full disk
            aside.unlink(missing_ok=True)
            raise CacheError(
                f"{path} cannot be written ({error}); make room on the disk."
            ) from error


def moved(pictures: torch.Tensor) -> torch.Tensor:
    """``pictures`` (n, 3, side, side), half of them mirrored, all a little moved and scaled."""
    import torch

    count = len(pictures)
    grid = torch.zeros(count, 2, 3)
    scale = 1 + 0.3 * (torch.rand(count) - 0.5)
    grid[:, 0, 0] = scale * (1 - 2 * torch.randint(2, (count,)))
    grid[:, 1, 1] = scale
    grid[:, :, 2] = 0.24 * (torch.rand(count, 2) - 0.5)
    places = torch.nn.functional.affine_grid(grid, list(pictures.shape), align_corners=False)
    return torch.nn.functional.grid_sample(
        pictures, places, padding_mode="border", align_corners=False
    )


def noisy(pictures: torch.Tensor) -> torch.Tensor:
    """``pictures`` (n, 3, side, side) in other light and colours, with noise."""
    import torch

    count = len(pictures)
    contrast = 1 + 0.4 * (torch.rand(count, 1, 1, 1) - 0.5)
    light = 0.4 * (torch.rand(count, 3, 1, 1) - 0.5)
    return (pictures * contrast + light + 0.1 * torch.randn_like(pictures)).clamp(-1, 1)


def train(
    library: Library,
    minutes: float,
    *,
    again: bool = False,
    on_progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Learnt, Sequence[str], Pixels] | None:
    """Train on the images of ``library``; what was learnt, the paths of the images, and these as
    squares. ``None`` if it was cancelled before it began.

    Raises:
        IndexEmpty: there are too few images.
        CacheError: what was learnt cannot be written.
    """
    seconds = max(1, math.ceil(60 * minutes))

    def reading(done: int, total: int) -> None:
        on_progress(_READING * done // total, _READING + seconds)

    paths, squares = squares_of(library, MOST_IMAGES, reading, cancelled)
    if cancelled():
        return None
    trainer = Trainer(library.settings.state_dir / "autoencoder.pt", again=again)
    learnt = trainer.learn(
        squares,
        minutes,
        lambda done, total: on_progress(_READING + done, _READING + total),
        cancelled,
    )
    return learnt, paths, squares
