"""``python -m training.sheets``: fit the recognition of drawings, and print how well it does.

Drawings are sketches put on the papers that the benchmark draws, at several sizes, with thin and
thick strokes; photos are folders of pictures that hold no drawings, and shapes made here, as of
logos and renderings. Sketches of held-out classes and a third of the photos are only judged by, and
so are whole folders given as ``--apart`` and ``--papers``.

For example, where ``$D`` holds the data sets, ``demo`` the demo's collection with its example
sketches, ``papers`` sketches on papers made by another tool, one folder for each, and ``cases``
small collections with drawings as queries::

    python -m training.sheets $D/sketchy/sketch $D/jewellery $D/clothing $D/corel1k $D/caltech101 \\
        $D/dtd10 $D/sketchy/photo $D/copies/carlogos/optimized demo/images \\
        --drawings $D/pacs/sketch \\
        --apart $D/pacs/photo $D/pacs/art_painting cases/23/images \\
        --papers papers/* cases/23/query cases/25/query cases/26/query demo/examples \\
        --each 16 --pictures 250
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.paper_kinds import KINDS, Grey, lay
from benchmarks.papers import sample
from image_search.errors import UnreadableImage
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import decode
from image_search.imaging.sheets import recognition
from image_search.imaging.sheets.drawing import signs_in
from image_search.imaging.sheets.recognition import Network
from training.sources import held_out

#: The signs of each picture of a set: none where it cannot be a drawing.
Signs = list[list[dict[str, float]]]

# Networks whose mean is taken, and the hidden units of each.
_NETWORKS, _HIDDEN = 6, 12
_DECAY = 1e-3
# Clean sketches beside each number on papers: logos are as clean, and must not win.
_PLAIN = 8
# A photo recognised as a drawing counts as so many drawings recognised as photos.
_PHOTO_COUNTS = 8.0
# Pictures made here of shapes, to learn from and to judge by.
_SHAPES = 300
_SETS = "photos", "apart", "drawings", "drawings apart"


def main() -> None:
    """Look, fit, and print."""
    parser = argparse.ArgumentParser(prog="python -m training.sheets", description=__doc__)
    parser.add_argument("sketches", type=Path, help="dark on white, CLASS/NAME.png")
    parser.add_argument("photos", type=Path, nargs="+", help="folders without drawings")
    parser.add_argument("--apart", type=Path, nargs="*", default=[], help="photos to judge by")
    parser.add_argument("--drawings", type=Path, nargs="*", default=[], help="as they are")
    parser.add_argument("--papers", type=Path, nargs="*", default=[], help="drawings to judge by")
    parser.add_argument("--each", type=int, default=16, help="sketches on each paper")
    parser.add_argument("--pictures", type=int, default=300, help="of each folder")
    parser.add_argument("--keep", type=Path, help="keep the signs here, for quick reruns")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write the numbers that are in use")
    options = parser.parse_args()
    if options.keep and options.keep.exists():
        kept = json.loads(options.keep.read_text("utf-8"))
        found = {(part, name): seen for part, name, seen in kept}
    else:
        found = dict(look(options))
        if options.keep:
            options.keep.write_text(json.dumps([[*key, seen] for key, seen in found.items()]))
    for number, part in enumerate(("photos", "apart")):
        found[part, "shapes"] = [signs_in(shapes(number * _SHAPES + n)) for n in range(_SHAPES)]
    names, network = fit(found, options.seed)
    print(report(found, names, network))
    if options.write:
        place = Path(recognition.__file__).with_name(recognition.FITTED)
        place.write_text(as_json(names, network), "utf-8")


def look(options: argparse.Namespace) -> Iterator[tuple[tuple[str, str], Signs]]:
    """The signs of every picture, by what it is of and the name of its set."""
    for folder in options.photos:
        seen = [signs_in(pixels) for pixels in pictures(folder, options)]
        cut = 2 * len(seen) // 3
        yield ("photos", folder.name), seen[:cut]
        yield ("apart", folder.name), seen[cut:]
    for folder in options.apart:
        yield (
            ("apart", "/".join(folder.parts[-2:])),
            [signs_in(pixels) for pixels in pictures(folder, options)],
        )
    for folder in options.drawings:
        yield ("drawings", folder.name), [signs_in(pixels) for pixels in pictures(folder, options)]
    for folder in options.papers:
        seen = [signs_in(pixels) for pixels in pictures(folder, options)]
        yield ("drawings apart", "/".join(folder.parts[-2:])), seen
    sketches = sample(options.sketches, None, options.seed)
    learnt = [path for path in sketches if not held_out(path.parent.name)]
    judged = [path for path in sketches if held_out(path.parent.name)]
    for part, chosen in ("drawings", learnt), ("drawings apart", judged):
        of = chosen[: _PLAIN * options.each]
        yield (part, "plain"), [signs_in(plain(path, n)) for n, path in enumerate(of)]
    for kind in KINDS:
        for part, chosen in ("drawings", learnt), ("drawings apart", judged):
            # Other sketches on each paper.
            start = zlib.crc32(kind.encode()) % max(1, len(chosen) - options.each)
            of = chosen[start : start + options.each]
            yield (part, kind), [signs_in(on_paper(kind, path, n)) for n, path in enumerate(of)]


def plain(path: Path, seed: int) -> Pixels:
    """A sketch as a tablet or a clean scan stores it, (h, w, 3) uint8, in one of three sizes."""
    grey: Grey = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    scale, how = ((1.0, cv2.INTER_AREA), (2.0, cv2.INTER_CUBIC), (0.6, cv2.INTER_AREA))[seed % 3]
    grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how), np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def on_paper(kind: str, path: Path, seed: int) -> Pixels:
    """A sketch on a ``kind`` of paper, as some camera or scanner would bring it."""
    rng = np.random.default_rng(seed + zlib.crc32(kind.encode()))
    grey: Grey = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    if rng.random() < 0.4:  # a softer or broader pencil
        broad = int(rng.integers(2, 6))
        grey = np.asarray(cv2.erode(grey, np.ones((broad, broad), np.uint8)), np.uint8)
    if rng.random() < 0.4:  # a wide margin, perhaps with writing
        edge = round(rng.uniform(0.1, 0.8) * max(grey.shape))
        grey = np.asarray(
            cv2.copyMakeBorder(grey, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=255),
            np.uint8,
        )
        if rng.random() < 0.5:
            _write(grey, edge, rng)
    pixels = lay(kind, grey, seed)
    if rng.random() < 0.4:
        pixels = np.asarray(
            cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
        )
    if rng.random() < 0.5:
        quality = int(rng.integers(70, 95))
        _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return pixels


def _write(grey: Grey, edge: int, rng: np.random.Generator) -> None:
    """A few words and a dimension into the margin of a sketch, ``edge`` wide."""
    height, width = grey.shape
    shade, size = int(rng.integers(20, 90)), float(rng.uniform(0.4, 0.8))
    for row in range(int(rng.integers(1, 6))):
        letters = rng.integers(97, 123, int(rng.integers(3, 9)))
        place = width - edge + 6, edge + round(40 * size * row)
        words = bytes(letters.tolist()).decode()
        cv2.putText(grey, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, shade, 1, cv2.LINE_AA)
    ends = (edge, height - edge // 2), (width - edge, height - edge // 2)
    cv2.arrowedLine(grey, *ends, shade, 1, cv2.LINE_AA, tipLength=0.05)
    cv2.arrowedLine(grey, *ends[::-1], shade, 1, cv2.LINE_AA, tipLength=0.05)


def shapes(seed: int) -> Pixels:
    """A few solid shapes on a plain ground, flat as in a logo or shaded as in a rendering."""
    rng = np.random.default_rng(seed)
    side = int(rng.integers(160, 480))
    y, x = np.mgrid[:side, :side].astype(np.float32) / np.float32(side)
    white = rng.random() < 0.5
    ground = np.full(3, 255, np.float32) if white else rng.uniform(0, 255, 3).astype(np.float32)
    picture = np.broadcast_to(ground, (side, side, 3))
    shaded, metal = rng.random() < 0.6, rng.random() < 0.4
    for _ in range(int(rng.integers(1, 6))):
        middle = (side * rng.uniform(0.25, 0.75, 2)).astype(int)
        mask = np.zeros((side, side), np.uint8)
        axes = (side * rng.uniform(0.05, 0.4, 2)).astype(int)
        broad = -1 if rng.random() < 0.7 else max(2, round(side * rng.uniform(0.06, 0.14)))
        turn = float(rng.uniform(0, 180))
        if rng.random() < 0.5:
            place, size = (int(middle[0]), int(middle[1])), (int(axes[0]), int(axes[1]))
            cv2.ellipse(mask, place, size, turn, 0, 360, 255, broad, cv2.LINE_AA)
        else:
            box = cv2.boxPoints(
                ((float(middle[0]), float(middle[1])), (2.0 * axes[0], 2.0 * axes[1]), turn)
            )
            cv2.drawContours(mask, [box.astype(np.int32)], 0, 255, broad, cv2.LINE_AA)
        lamp = 0.6 + 0.5 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) if shaded else 1.0
        if shaded and rng.random() < 0.5:  # round, so brightest in the middle
            far = np.hypot(x - middle[0] / side, y - middle[1] / side) / (axes.max() / side)
            lamp = (1.6 - rng.uniform(0.6, 1.2) * far).clip(0.2)
        paint = np.full(3, rng.uniform(60, 200)) if metal else rng.uniform(0, 255, 3)
        colour = paint * np.asarray(lamp)[..., None]
        share = mask[..., None] / np.float32(255)
        picture = picture * (1 - share) + share * colour
    return np.asarray(picture.clip(0, 255), np.uint8)


def pictures(folder: Path, options: argparse.Namespace) -> Iterator[Pixels]:
    """Some of a folder's pictures, those that can be read."""
    for path in sample(folder, options.pictures, options.seed):
        try:
            yield decode(path.read_bytes(), max_megapixels=100).pixels
        except UnreadableImage:
            continue


def fit(found: dict[tuple[str, str], Signs], seed: int) -> tuple[list[str], Network]:
    """The names of the signs, and the network that weighs them."""
    rows: list[dict[str, float]] = []
    drawn: list[float] = []
    counts: list[float] = []
    for (part, _), seen in found.items():
        if part == "photos":
            # Any one of the sheets seen in a photo would be recognised as a drawing.
            for signs in (signs for each in seen for signs in each):
                rows.append(signs)
                drawn.append(0.0)
                counts.append(_PHOTO_COUNTS / len(seen))
        elif part == "drawings":
            # The sheet comes first; that the whole picture is no drawing does no harm.
            for each in (each for each in seen if each):
                rows.append(each[0])
                drawn.append(1.0)
                counts.append(1 / len(seen))
    names = sorted(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-6
    given = torch.from_numpy((table - mean) / spread)
    right, weight = torch.tensor(drawn).double(), torch.tensor(counts).double()
    layers = [fit_network(given, right, weight / weight.sum(), seed + n) for n in range(_NETWORKS)]
    # Their mean is one network, with the hidden units of all.
    first, first_bias, last = (np.concatenate([of[n] for of in layers]) for n in range(3))
    weights = (first / spread).T, last[:, None] / _NETWORKS
    biases = first_bias - (first / spread) @ mean, sum(of[3] for of in layers) / _NETWORKS
    return names, Network(tuple(map(rounded, weights)), tuple(map(rounded, biases)))


def fit_network(
    given: torch.Tensor, right: torch.Tensor, weight: torch.Tensor, seed: int
) -> list[npt.NDArray[np.float64]]:
    """Weights (hidden, signs) and biases of the hidden units, their weights, and the last bias."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Linear(given.shape[1], _HIDDEN), torch.nn.Tanh(), torch.nn.Linear(_HIDDEN, 1)
    ).double()
    steps = torch.optim.LBFGS(network.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        steps.zero_grad()
        off = torch.nn.functional.binary_cross_entropy_with_logits(
            network(given)[:, 0], right, reduction="none"
        )
        decay = sum((part**2).sum() for part in network.parameters() if part.ndim > 1)
        total: torch.Tensor = (weight * off).sum() + _DECAY * decay
        total.backward()  # type: ignore[no-untyped-call]
        return total

    steps.step(loss)  # type: ignore[no-untyped-call]
    first, first_bias, last, last_bias = (part.detach().numpy() for part in network.parameters())
    return [first, first_bias, last[0], last_bias]


def rounded(numbers: npt.NDArray[np.float64]) -> Floats:
    """``numbers`` to five digits, as they are written."""
    return np.array([float(f"{number:.5g}") for number in numbers.ravel()], np.float32).reshape(
        numbers.shape
    )


def report(found: dict[tuple[str, str], Signs], names: list[str], network: Network) -> str:
    """A line for each set: how many of its pictures are recognised as drawings."""
    lines = []
    for part, name in sorted(found, key=lambda key: (_SETS.index(key[0]), key[1])):
        seen = found[part, name]
        drawn = sum(
            any(network.sureness(np.array([[s[n] for n in names]]))[0] > 0.5 for s in each)
            for each in seen
        )
        share = 100 * drawn / max(len(seen), 1)
        lines.append(f"{part:16} {name:40} {len(seen):5} {share:6.1f} %")
    return "\n".join(lines)


def as_json(names: list[str], network: Network) -> str:
    """What ``read_network`` of ``image_search.imaging.sheets.recognition`` reads."""

    def rows(layer: Floats) -> str:
        return (
            "[" + ",\n  ".join(json.dumps([float(f"{x:.5g}") for x in row]) for row in layer) + "]"
        )

    weights = ",\n ".join(rows(layer) for layer in network.weights)
    biases = ",\n ".join(rows(layer[None])[1:-1] for layer in network.biases)
    return f'{{"signs": {json.dumps(names)},\n"weights": [{weights}],\n"biases": [{biases}]}}\n'


if __name__ == "__main__":
    main()
