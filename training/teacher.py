"""The teacher: MobileNetV2 as published for small devices, a file of TensorFlow Lite.

Its features are only asked for; none of its weights goes into the network.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from image_search.extractors.base import Floats, Pixels

SIDE = 224


def open_teacher(path: Path, threads: int = 1) -> Callable[[Pixels], Floats]:
    """The teacher as a function: (height, width, 3) uint8 to (1280,) float32.

    Raises:
        ImportError: the interpreter, ``ai-edge-litert``, is not installed.
        ValueError: the file is no such network.
    """
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(path), num_threads=threads, experimental_preserve_all_tensors=True)
    network.allocate_tensors()
    taken = network.get_input_details()[0]["index"]
    pooled = [t for t in network.get_tensor_details() if t["name"].endswith("/AvgPool")]
    if not pooled:
        raise ValueError(f"{path} has no pooled features.")
    scale, zero = pooled[0]["quantization"]

    def features(pixels: Pixels) -> Floats:
        square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        network.set_tensor(taken, square[None])
        network.invoke()
        raw = network.get_tensor(pooled[0]["index"]).reshape(-1).astype(np.float32)
        return np.asarray((raw - zero) * scale, np.float32)

    return features
