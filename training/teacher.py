"""The teachers: MobileNetV2 as published for small devices, and EfficientNet-Lite2.

Their features are only asked for; none of their weights goes into the network.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from image_search.extractors.runtime.openvino_engine import convert
from image_search.extractors.runtime.quiet_openvino import openvino
from image_search.extractors.runtime.recipe import Input
from image_search.imaging.arrays import Floats, Pixels

SIDE = 224
#: Cells across of the grid in which a teacher sees a picture.
GRID = 7
# What asks a teacher at the same time.
_ASKING = 2

Answer = TypeVar("Answer")

#: What is seen in each cell, (GRID, GRID, dim) float32.
Teacher = Callable[[Pixels], Floats]


def features(grid: Floats) -> Floats:
    """What is seen in all of a picture, (dim,), from what is seen in each cell, (n, n, dim)."""
    return np.asarray(grid.mean(axis=(0, 1)), np.float32)


def open_teachers(paths: Sequence[Path]) -> Teacher:
    """What all of them see in a picture, the features of each of unit length, side by side.

    Raises:
        ValueError: one of the files is no such network.
    """
    teachers = [open_teacher(path) for path in paths]

    def both(pixels: Pixels) -> Floats:
        grids = [see(pixels) for see in teachers]
        return np.concatenate([grid / np.linalg.norm(features(grid)) for grid in grids], axis=2)

    return both


def asked(teacher: Teacher, pixels: Callable[[int], Pixels], number: int, label: str) -> Floats:
    """Its features (number, dim) of as many pictures, the i-th of which is ``pixels(i)``, with
    progress under the name ``label``."""
    return np.stack(asked_for(features, teacher, pixels, number, label))


def asked_for(
    of: Callable[[Floats], Answer],
    teacher: Teacher,
    pixels: Callable[[int], Pixels],
    number: int,
    label: str,
) -> list[Answer]:
    """What ``of`` makes of what it sees in each of these pictures."""
    with ThreadPoolExecutor(_ASKING) as pool:
        answers = pool.map(lambda i: of(teacher(pixels(i))), range(number))
        return list(tqdm(answers, label, total=number))


def open_teacher(path: Path) -> Teacher:
    """The teacher as a function: (height, width, 3) uint8 to (GRID, GRID, 1280) float32. Several
    threads may call it, each on a core of its own.

    A ``.tflite`` file is read as MobileNetV2, any other one as weights of EfficientNet-Lite2 (Liu,
    TensorFlow's models for TPUs, 2020) for PyTorch, in the order of its layers.

    Raises:
        ValueError: the file is no such network.
    """
    if path.suffix == ".tflite":
        return _asking(_mobilenet(path), np.uint8, "f32")
    # In its published 8-bit form MobileNetV2 loses by bfloat16 and gains no time; this one gains.
    return _asking(_efficientnet(path), np.float32, "bf16")


def _mobilenet(path: Path) -> openvino.Model:
    try:
        read = openvino.Core().read_model(path)
    except RuntimeError as problem:
        raise ValueError(f"{path} is no network that can be read.") from problem
    pooled = [of for of in read.get_ordered_ops() if of.get_type_name() == "AvgPool"]
    if not pooled:
        raise ValueError(f"{path} has no pooled features.")
    return openvino.Model([pooled[-1].input(0).get_source_output()], read.get_parameters())


def _efficientnet(path: Path) -> openvino.Model:
    import torch
    from timm.models.efficientnet import tf_efficientnet_lite2

    network = tf_efficientnet_lite2(pretrained=False).eval()
    own = network.state_dict()
    try:
        given = torch.load(path, weights_only=True)
        network.load_state_dict(dict(zip(own, given.values(), strict=True)))
    except (pickle.UnpicklingError, RuntimeError, ValueError, AttributeError, EOFError) as problem:
        raise ValueError(f"{path} holds no weights of EfficientNet-Lite2.") from problem

    class Seen(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, squares: torch.Tensor) -> torch.Tensor:
            scaled = (squares.permute(0, 3, 1, 2) - 127.0) / 128.0
            seen: torch.Tensor = self.network.forward_features(scaled)
            return seen

    model = convert(Seen().eval(), Input((SIDE, SIDE, 3), "float32"))
    model.reshape([1, SIDE, SIDE, 3])
    return model


def _asking(model: openvino.Model, kind: type[np.generic], precision: str) -> Teacher:
    compiled = openvino.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT"}
    )
    own = threading.local()

    def grid(pixels: Pixels) -> Floats:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        out = np.array(own.request.infer([square[None].astype(kind)])[0], np.float32)
        # Channels come first.
        return np.ascontiguousarray(out.reshape(-1, GRID, GRID).transpose(1, 2, 0))

    return grid
