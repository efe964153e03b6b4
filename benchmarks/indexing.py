"""Images per second: the plain loop, this program, the bound set by the machine, and rclip.

Weights are random, of the right shapes. Everything is measured in one run, in rounds, and given as
medians of the rounds. rclip takes part where it is on the PATH, and where PyTorch can export models
for it, which needs the packages onnx and onnxscript.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import random_weights
from benchmarks.rclip import Rclip
from benchmarks.report import DATASETS, ROOT, table, write_section

FEATURES = "clip,resnet50,hsv"
SECONDS = 3.0
# Between two files that are decoded one after the other.
STRIDE = 31


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, default=DATASETS / "speed")
    parser.add_argument("--copies", type=int, default=30)
    parser.add_argument("--plain", type=int, default=38, help="images for the plain loop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--embed", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.embed:
        embed(*options.embed)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_weights.place(folder / "weights")
        images = copied(options.images, options.copies, folder / "images")
        rclip = Rclip.prepared(folder / "rclip")
        plain, model_rates = Plain(), Rates()
        # Converts the models; from here on they are on disk.
        index(folder, images[:1], FEATURES)
        some = images[:: max(1, len(images) // options.plain)][: options.plain]
        found: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            rates = {
                "clip": model_rates.of("clip"),
                "resnet50": model_rates.of("resnet50"),
                "decoding": decoding(images),
            }
            measured = rates | {
                "bound": 1 / sum(1 / rate for rate in rates.values()),
                "bound, clip": 1 / (1 / rates["clip"] + 1 / rates["decoding"]),
                "plain": plain.rate(some),
                "ours": index(folder, images, FEATURES),
                "ours, clip": index(folder, images, "clip"),
            }
            if rclip is not None:
                measured["rclip"] = rclip.rate(images[0].parent, len(images))
            for key, rate in measured.items():
                found.setdefault(key, []).append(rate)
    report(found, len(images), options.rounds)


def report(found: dict[str, list[float]], images: int, rounds: int) -> None:
    def rate(key: str) -> str:
        values = found[key]
        return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(found[one], found[other], strict=True))

    rows: list[list[object]] = [
        ["decoding at reduced scale, all cores", rate("decoding"), ""],
        ["CLIP's image tower, all cores", rate("clip"), ""],
        ["ResNet50, all cores", rate("resnet50"), ""],
        ["bound: decoding and both networks", rate("bound"), ""],
        [f"indexing with {FEATURES}", rate("ours"), f"{ratio('ours', 'bound'):.0%} of the bound"],
        ["bound: decoding and CLIP", rate("bound, clip"), ""],
        [
            "indexing with clip",
            rate("ours, clip"),
            f"{ratio('ours, clip', 'bound, clip'):.0%} of the bound",
        ],
        [
            f"plain loop, {FEATURES}",
            rate("plain"),
            f"indexing is {ratio('ours', 'plain'):.1f} times as fast",
        ],
    ]
    if "rclip" in found:
        alone, three = ratio("ours, clip", "rclip"), ratio("ours", "rclip")
        beside = (
            f"indexing is {alone:.1f} times as fast with clip, {three:.1f} times with all three"
        )
        rows.append(["rclip 3.3.0, CLIP alone", rate("rclip"), beside])
    write_section(
        "performance.md",
        "indexing",
        f"### Indexing\n\n`python -m benchmarks.indexing`: {images} JPEG files of 1 to 12 "
        f"megapixels, medians of {rounds} rounds. Indexing is timed from the start of a process to "
        "the cache on disk, when all can be searched and duplicates are still to be found; rclip's "
        "figures are without its start. The "
        "plain loop is PIL, PyTorch in float32 and OpenCV, one image at a time. The bound is what "
        "remains when decoding and the networks are measured alone and everything else is free. "
        "Ratios are taken within each round.\n\n" + table(["what", "images/s", ""], rows),
    )


def copied(source: Path, copies: int, target: Path) -> list[Path]:
    """Each file several times; a byte after the end makes the contents differ."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.suffix.lower() in {".jpg", ".jpeg"}:
            for number in range(copies):
                copy = target / f"{path.stem}-{number}{path.suffix}"
                copy.write_bytes(path.read_bytes() + bytes([number]))
    return sorted(target.iterdir())


def index(folder: Path, images: list[Path], extractors: str) -> float:
    """Images per second of a process that makes them searchable."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = images[0].parent
        if len(images) == 1:
            place = Path(name, "images")
            place.mkdir()
            shutil.copy(images[0], place)
        cache = Path(name, "cache.pkl")
        started = time.perf_counter()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.indexing",
                "--embed",
                str(place),
                str(cache),
                extractors,
            ],
            cwd=ROOT,
            check=True,
        )
        return len(images) / (time.perf_counter() - started)


def embed(images: str, cache: str, extractors: str) -> None:
    """What a service does before all else: make images searchable."""
    from image_search.library import Library
    from image_search.settings import Settings

    settings = Settings(images=Path(images), cache=Path(cache), extractors=extractors)
    Library.open(settings).update(fingerprints=False)


def throughput(work: Callable[[], int]) -> float:
    """Items per second of ``work``, which returns how many it did, on every core at once."""
    stop, done = time.perf_counter() + SECONDS, []

    def go() -> None:
        count = 0
        while time.perf_counter() < stop:
            count += work()
        done.append(count)

    started = time.perf_counter()
    threads = [threading.Thread(target=go) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


class Rates:
    """How many squares the networks take, with nothing else going on."""

    def __init__(self) -> None:
        from image_search.extractors import REGISTRY

        self._extractors = {name: REGISTRY[name].load() for name in ("clip", "resnet50")}

    def of(self, name: str) -> float:
        from image_search.extractors.base import BATCH

        extractor = self._extractors[name]
        batch = [extractor.prepare(np.zeros((224, 224, 3), np.uint8))] * BATCH
        return throughput(lambda: len(extractor.embed(batch)))


def decoding(images: list[Path]) -> float:
    from image_search.imaging.decoding import decode

    # All pictures in turn: their sizes differ, and copies of one stand side by side.
    spread = [path for first in range(STRIDE) for path in images[first::STRIDE]]
    files = iter(spread * 1000)
    turn = threading.Lock()

    def work() -> int:
        with turn:
            path = next(files)
        decode(path.read_bytes(), max_megapixels=128)
        return 1

    return throughput(work)


class Plain:
    """What one writes first: PIL, PyTorch and OpenCV, one image at a time."""

    def __init__(self) -> None:
        import open_clip
        import torch
        import torchvision

        from image_search.extractors import resnet50
        from image_search.extractors.clip_models import OPENAI

        network, _, self._clip_transform = open_clip.create_model_and_transforms(
            OPENAI.architecture, pretrained=str(OPENAI.weights.path())
        )
        self._clip = network.eval()
        network = torchvision.models.resnet50()
        network.load_state_dict(torch.load(resnet50.WEIGHTS.place))
        self._resnet50 = torch.nn.Sequential(*list(network.children())[:-2]).eval()
        kind: Any = torchvision.models.ResNet50_Weights
        self._resnet50_transform = kind.IMAGENET1K_V2.transforms()

    def rate(self, images: list[Path]) -> float:
        """Images per second."""
        import torch

        started = time.perf_counter()
        with torch.inference_mode():
            for path in images:
                self._vector(path.read_bytes())
        return len(images) / (time.perf_counter() - started)

    def _vector(self, data: bytes) -> np.ndarray[Any, Any]:
        import cv2
        from PIL import Image

        image = Image.open(io.BytesIO(data)).convert("RGB")
        clip = self._clip.encode_image(self._clip_transform(image)[None])[0].numpy()
        trunk = self._resnet50(self._resnet50_transform(image)[None])
        resnet50 = np.concatenate([trunk.mean((2, 3))[0].numpy(), trunk.amax((2, 3))[0].numpy()])
        hsv = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2HSV)
        ranges = [0, 180, 0, 256, 0, 256]
        histogram = cv2.calcHist([hsv], [0, 1, 2], None, [8, 8, 8], ranges).ravel()
        parts = [part / np.linalg.norm(part) for part in (clip, resnet50, histogram)]
        return np.concatenate(parts)


if __name__ == "__main__":
    main()
