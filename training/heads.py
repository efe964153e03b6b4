"""The last step, in closed form: what is read off a network that has learnt.

Its own last layer, as it comes out of the learning, fits what was learnt from better than anything
else. Fitted again to what all stages see, with some resistance, it finds more of what is new.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from image_search.extractors.design import squeezed
from image_search.extractors.design_network import LAYOUT, SIDE, Design
from image_search.imaging.arrays import Floats, Pixels
from training.learning import batch
from training.lessons import Lessons
from training.student import State
from training.teaching import Taught

#: Batches that the meaning is fitted to.
LESSONS = 250
# What resists large weights, for every square that the meaning is fitted to (ridge regression), and
# what a drawing counts beside a photo: drawings are of few classes, and fitted to them the meaning
# of all else suffers.
_RESISTANCE, _OF_DRAWING = 0.03, 0.1
# Of the spread along a direction of the layout, the power that is divided by: directions in which
# pictures differ little count a little more than they would.
_EVENNESS = 0.4
_TOGETHER = 64
# Photos that the layout is fitted to; more of them give the same directions.
_PHOTOS = 8000


def with_heads(state: State, taught: Taught, seed: int, lessons: int = LESSONS) -> State:
    """``state`` with ``meaning`` and ``layout`` fitted to what its stages see."""
    network = Design()
    network.load_state_dict(state)
    network.eval()
    return state | _meaning(network, Lessons(taught, seed), lessons) | _layout(network, taught)


def _meaning(network: Design, lessons: Lessons, number: int) -> State:
    """The targets of as many lessons, by ridge regression of the pooled stages."""
    seen, targets, counts = [], [], []
    for _ in tqdm(range(number), "meaning"):
        lesson = lessons.batch(SIDE)
        seen.append(_read(network, lesson.squares)[0])
        targets.append(lesson.targets)
        counts.append(np.where(np.arange(len(lesson.squares)) < lesson.photos, 1.0, _OF_DRAWING))
    given, wanted = np.concatenate(seen).astype(np.float64), np.concatenate(targets)
    count = np.concatenate(counts)
    mean, bias = (np.average(of, axis=0, weights=count) for of in (given, wanted))
    variance = np.average((given - mean) ** 2, axis=0, weights=count)
    given = (given - mean) / np.sqrt(variance + network.meaning[0].eps)
    weighed = given.T * count
    resisted = weighed @ given + _RESISTANCE * count.sum() * np.eye(given.shape[1])
    weights = np.linalg.solve(resisted, weighed @ (wanted - bias))
    return {
        "meaning.0.running_mean": _tensor(mean),
        "meaning.0.running_var": _tensor(variance),
        "meaning.0.weight": _tensor(np.ones_like(mean)),
        "meaning.0.bias": _tensor(np.zeros_like(mean)),
        "meaning.1.weight": _tensor(weights.T),
        "meaning.1.bias": _tensor(bias),
    }


def _layout(network: Design, taught: Taught) -> State:
    """The directions in which the cells of photos vary most.

    In trials, metrics that were learnt instead, from photos and their drawings, found less: they
    fitted the few photos that have any.
    """
    cells = np.concatenate([_read(network, squares)[1] for squares in _photos(taught)])
    mean = cells.mean(axis=0)
    variances, vectors = np.linalg.eigh((cells - mean).T @ (cells - mean) / len(cells))
    kept = slice(-1, -1 - LAYOUT, -1)
    directions = vectors[:, kept] / np.maximum(variances[kept], 1e-9) ** (_EVENNESS / 2)
    # So that the largest number stays near 1, for the half precision of the file.
    directions /= np.abs(directions).max()
    return {"layout.weight": _tensor(directions.T), "layout.bias": _tensor(-mean @ directions)}


def _photos(taught: Taught) -> Iterator[Pixels]:
    """What is a photo, whole, as squares, some at a time."""
    painted = taught.painted
    photos = [i for i in taught.photos if not painted[i]]
    photos = photos[:: max(1, len(photos) // _PHOTOS)]
    for i in tqdm(range(0, len(photos), _TOGETHER), "layout"):
        yield np.stack([squeezed(taught.pixels(j), SIDE) for j in photos[i : i + _TOGETHER]])


@torch.inference_mode()
def _read(network: Design, squares: Pixels) -> tuple[Floats, Floats]:
    pooled, cells = network.read_of(batch(squares, torch.device("cpu")))
    return pooled.numpy(), cells.numpy()


def _tensor(values: npt.ArrayLike) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
