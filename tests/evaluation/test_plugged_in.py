"""Networks that the fusion was not made for are plugged in: it must not fall behind its best part.

Real networks and labelled pictures, which are not part of the project: without them this is
skipped. What is compared and how it is ranked is what a search does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.calibration import fit
from image_search.evaluation.asking import FUSION, Asked, Way, scores, ways
from image_search.evaluation.metrics import average_precision, ranked
from image_search.extractors import REGISTRY, unit_rows
from image_search.extractors.base import Floats, Pixels
from image_search.extractors.crop import centre_square
from image_search.fusion import Layout, stored_vectors
from image_search.images import decode
from image_search.weighting import PHOTO
from training.teacher import open_teacher

SHARED = Path(__file__).resolve().parents[3] / "shared"
SQUEEZENET = SHARED / "weights" / "squeezenet1_1_imagenet.safetensors"
MOBILENET = SHARED / "weights" / "mobilenet_v2_1.0_224_quant.tflite"
#: What needs no download, and so is always there.
PARTS = ("design", "hsv", "edges", "texture")
#: So many pictures of each class.
SETS = {"corel1k": 14, "jewellery": 24, "clothing": 12, "caltech101": 5}
#: How far behind its best part the fusion may fall.
WORST = 0.99

Plug = Callable[[Sequence[Pixels]], Floats]

pytestmark = pytest.mark.skipif(
    not (SQUEEZENET.is_file() and (SHARED / "datasets").is_dir()),
    reason="the networks and pictures in ../shared are not here",
)


@dataclass(frozen=True, eq=False)
class Pictures:
    name: str
    pixels: Sequence[Pixels]
    labels: np.ndarray
    blocks: Mapping[str, Floats]
    seen: dict[str, Floats] = field(default_factory=dict)

    def seen_by(self, plug: Plug) -> Floats:
        """What ``plug`` makes of the pictures, computed once."""
        if plug.__name__ not in self.seen:
            self.seen[plug.__name__] = plug(self.pixels)
        return self.seen[plug.__name__]


@pytest.fixture(scope="module", params=SETS)
def pictures(request: pytest.FixtureRequest) -> Pictures:
    """Some of a set, with their blocks by what needs no weights."""
    folder, most = SHARED / "datasets" / request.param, SETS[request.param]
    files = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = sorted(path for path in place.iterdir() if path.is_file())
        files += found[:: max(1, len(found) // most)][:most]
    with ThreadPoolExecutor(2) as threads:
        pixels = list(
            threads.map(lambda file: decode(file.read_bytes(), max_megapixels=32).pixels, files)
        )
        blocks = {}
        for name in PARTS:
            extractor = REGISTRY[name].load()
            blocks[name] = extractor.embed(list(threads.map(extractor.prepare, pixels)))
    return Pictures(request.param, pixels, np.array([file.parent.name for file in files]), blocks)


def squeezenet(pixels: Sequence[Pixels]) -> Floats:
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
    pytest.importorskip("ai_edge_litert", reason="needs the extra `train`")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls what the pooled features need a debugging aid
        see = open_teacher(MOBILENET)
    return np.stack([see(one) for one in pixels])


def noise(pixels: Sequence[Pixels]) -> Floats:
    """A network that knows nothing at all."""
    return np.random.default_rng(0).normal(size=(len(pixels), 64)).astype(np.float32)


@pytest.mark.parametrize(
    "plugs",
    [(squeezenet,), (mobilenet,), (noise,), (squeezenet, mobilenet), (squeezenet, noise)],
    ids=lambda plugs: " and ".join(plug.__name__ for plug in plugs),
)
def test_the_fusion_keeps_up_with_its_best_part(pictures: Pictures, plugs: Sequence[Plug]) -> None:
    plugged = {plug.__name__: unit_rows(pictures.seen_by(plug)) for plug in plugs}
    blocks = {**pictures.blocks, **plugged}

    found = precision(blocks, pictures.labels, ways(tuple(blocks)))

    fusion = found.pop(FUSION)
    assert fusion >= WORST * max(found.values()), (fusion, found)
    if plugs != (noise,):
        assert fusion > max(found[name] for name in PARTS)
    if plugs == (mobilenet,) and pictures.name == "corel1k":
        # What the default weights are held against: all blocks alike, as they come.
        alike = mean_of(sum_of_cosines(blocks), pictures.labels)
        alone = [
            mean_of(sum_of_cosines({name: rows}), pictures.labels) for name, rows in blocks.items()
        ]
        assert alike < 0.95 * max(alone)


def sum_of_cosines(blocks: Mapping[str, Floats]) -> Floats:
    return np.asarray(sum(rows @ rows.T for rows in blocks.values()), np.float32)


def precision(
    blocks: Mapping[str, Floats], labels: np.ndarray, asked_in: Sequence[Way]
) -> dict[str, float]:
    """Mean average precision of each way to rank, every picture being the query once."""
    layout = Layout(tuple(blocks), tuple(rows.shape[1] for rows in blocks.values()))
    vectors = stored_vectors(layout, blocks)
    calibration = fit(layout, vectors, len(vectors))
    asked = [
        Asked({name: rows[number] for name, rows in blocks.items()}, PHOTO)
        for number in range(len(labels))
    ]
    centred = calibration.centred(vectors)
    models = dict.fromkeys(blocks, "any")
    return {
        way.name: mean_of(scores(way, asked, calibration, models, centred), labels)
        for way in asked_in
    }


def mean_of(table: Floats, labels: np.ndarray) -> float:
    same = labels[:, None] == labels[None]
    return float(average_precision(ranked(table, same, np.arange(len(labels)))).mean())
