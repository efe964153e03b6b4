"""``python -m training.uprightness``: by how many quarter turns a drawing stands upright.

From pictures of the classes that are not held out: sketches, also mirrored, cartoons, paintings and
photos, each turned by every quarter. Photos stand upright in the same way and show more things.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import torch

from image_search.extractors import REGISTRY
from image_search.extractors.uprightness import FILE, QUARTERS
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import WORKING_SIDE
from training import views
from training.pictures import load
from training.sources import below, held_out

EXTRACTOR = "design"
#: Folders below the labelled sets, and how many pictures of each class are looked at.
FOLDERS = {
    "sketchy/sketch": 24,
    "sketchy/photo": 10,
    "pacs/cartoon": 25,
    "pacs/art_painting": 20,
    "caltech101": 14,
}
#: Of the squares of the weights, against learning the pictures by heart; .0001 to .001 do alike.
_DECAY = 2e-4


def main() -> int:
    """Learn, and write the file of constants."""
    parser = argparse.ArgumentParser(prog="python -m training.uprightness", description=__doc__)
    parser.add_argument("sets", type=Path, help="folder that holds the labelled sets by name")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    pictures: list[Pixels] = []
    for folder, most in FOLDERS.items():
        found = load(chosen(options.sets / folder, most), side=WORKING_SIDE).values()
        pictures += found
        if folder.endswith("sketch"):
            pictures += [views.mirrored(pixels) for pixels in found]
    if not pictures:
        print(f"There are no pictures in {options.sets}.", file=sys.stderr)
        return 2
    extractor = REGISTRY[EXTRACTOR].load()
    rows: list[Floats] = []
    turns: list[int] = []
    for pixels in pictures:
        square = extractor.prepare(pixels)
        # Turned against the clock by so many quarters, it stands upright after as many with it.
        rows.append(extractor.embed([np.rot90(square, turn) for turn in range(QUARTERS)]))
        turns += range(QUARTERS)
    weights, biases = learn(np.concatenate(rows), np.array(turns))
    constants = {f"{extractor.model}:weights": weights, f"{extractor.model}:biases": biases}
    safetensors.numpy.save_file(constants, options.out)
    print(f"written: {options.out}, from {len(pictures)} pictures")
    return 0


def chosen(folder: Path, most: int) -> list[Path]:
    """At most so many pictures of each class that is not held out, evenly apart."""
    by_class: dict[str, list[Path]] = {}
    for path in below(folder):
        if not held_out(path.parent.name):
            by_class.setdefault(path.parent.name, []).append(path)
    return [
        paths[place]
        for paths in by_class.values()
        for place in np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int)
    ]


def learn(rows: Floats, turns: Sequence[int] | npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Weights (4, dim) and biases (4,) of a multinomial logistic regression from ``rows`` (n, dim)
    to quarter ``turns`` (n,)."""
    given, wanted = torch.from_numpy(rows), torch.as_tensor(turns)
    weights = torch.zeros((QUARTERS, rows.shape[1]), requires_grad=True)
    biases = torch.zeros(QUARTERS, requires_grad=True)
    steps = torch.optim.LBFGS([weights, biases], max_iter=150, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        steps.zero_grad()
        missed = torch.nn.functional.cross_entropy(given @ weights.T + biases, wanted)
        whole = missed + _DECAY / 2 * (weights * weights).sum()
        whole.backward()  # type: ignore[no-untyped-call]
        return whole

    steps.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy(), biases.detach().numpy()


if __name__ == "__main__":
    sys.exit(main())
