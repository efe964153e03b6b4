"""The teacher: MobileNetV2 as published for small devices, a file of TensorFlow Lite.

Its features are only asked for; none of its weights goes into the network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from image_search.extractors.base import Floats, Pixels
from image_search.extractors.quiet_openvino import openvino

SIDE = 224


def open_teacher(path: Path) -> Callable[[Pixels], Floats]:
    """The teacher as a function: (height, width, 3) uint8 to (1280,) float32. Several threads may
    call it, each on a core of its own.

    Raises:
        ValueError: the file is no such network.
    """
    core = openvino.Core()
    try:
        read = core.read_model(path)
    except RuntimeError as problem:
        raise ValueError(f"{path} is no network that can be read.") from problem
    pooled = [of for of in read.get_ordered_ops() if of.get_type_name() == "AvgPool"]
    if not pooled:
        raise ValueError(f"{path} has no pooled features.")
    network = openvino.Model([pooled[-1].output(0)], read.get_parameters())
    compiled = core.compile_model(
        network, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
    )
    own = threading.local()

    def features(pixels: Pixels) -> Floats:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        out = own.request.infer([square[None]])[0]
        return np.array(out, np.float32).reshape(-1)

    return features
