"""Types of the arrays that pass between the parts of the package."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""An upright RGB picture (height, width, 3)."""
Floats = npt.NDArray[np.float32]
"""Vectors, scores and other numbers; each function states the shape."""
