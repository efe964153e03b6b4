"""``python -m training``: from folders of pictures to the file that the package carries."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import safetensors.torch

from training import sources
from training.exporting import export, save
from training.heads import with_heads
from training.judging import judge
from training.learning import Recipe, learn
from training.pictures import load
from training.student import State
from training.teacher import open_teachers
from training.teaching import teach

#: Batches that the heads of weights to go on from are fitted to.
FIRST_LESSONS = 60


def main() -> int:
    """Train, write the weights, and judge them by what was held out."""
    options = _parser().parse_args()
    recipe = Recipe(
        minutes=options.minutes,
        seed=options.seed,
        rate=options.rate,
        workers=options.workers,
        feeders=options.feeders,
    )
    items = sources.items(options.sets)
    items += [item for folder in options.photos for item in sources.unlabelled(folder)]
    concepts = sources.concepts(options.concepts) if options.concepts else []
    loose = sources.loose(options.loose) if options.loose else []
    if not items:
        print(f"There is nothing to learn from in {options.sets}.", file=sys.stderr)
        return 2
    wanted = [path for item in items for path in (item.photo, *item.drawings)]
    wanted += [path for concept in concepts for path in (*concept.pictures, *concept.drawings)]
    pictures = load([*wanted, *loose])
    print(f"{len(pictures):,} pictures, {len(items):,} of them to be explained by the teacher")
    taught = teach(
        open_teachers(options.teacher), items, concepts, loose, pictures, seed=recipe.seed
    )
    start = None
    if options.start:
        # Its heads are of another teacher's space, or of other pictures.
        start = with_heads(_start(options.start), taught, recipe.seed, FIRST_LESSONS)
    state = learn(
        taught,
        recipe,
        tell=lambda line: print(line, flush=True),
        keep=lambda kept: save(kept, options.out / "so-far.safetensors"),
        start=start,
    )
    path = export(with_heads(state, taught, recipe.seed), options.out)
    print(f"written: {path}")
    figures = judge(path, options.sets)
    note = {"recipe": dataclasses.asdict(recipe), "pictures": len(pictures), "figures": figures}
    path.with_suffix(".json").write_text(json.dumps(note, indent=2) + "\n", "utf-8")
    for name, value in figures.items():
        print(f"{name:60} {value:.3f}")
    return 0


def _start(path: Path) -> State:
    return {name: tensor.float() for name, tensor in safetensors.torch.load_file(path).items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("sets", type=Path, help="folder that holds the labelled sets by name")
    parser.add_argument(
        "--teacher",
        type=Path,
        action="append",
        required=True,
        help="MobileNetV2, a .tflite file, or EfficientNet-Lite2, a .pth file; or both",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--concepts", type=Path, help="folders of one thing in several styles each")
    parser.add_argument("--loose", type=Path, help="clip art of which nothing is known")
    parser.add_argument(
        "--photos",
        type=Path,
        action="append",
        default=[],
        help="photos of which nothing is known; can be given several times",
    )
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--minutes", type=float, default=Recipe.minutes, help="of learning")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--rate", type=float, default=Recipe.rate, help="of learning, at most")
    parser.add_argument(
        "--workers",
        type=int,
        default=Recipe.workers,
        help="processes that learn together: as many as there are cores, or 1 on a graphics card",
    )
    parser.add_argument(
        "--feeders", type=int, default=Recipe.feeders, help="processes that help one that is alone"
    )
    return parser


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    sys.exit(main())
