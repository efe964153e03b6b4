"""OpenVINO, imported without telemetry and side effects. Import it from here only."""

from __future__ import annotations

import sys

import numpy as np

# It reports to its maker when it is imported, unless the part of it that does so is not there.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402

# The first array that it is given makes its binding look NumPy up, under a lock of its own. Two
# threads that were first together would wait for each other for ever, one with the lock, one with
# the interpreter (pybind/pybind11, pull request 4877). While a module is imported there is only
# one.
openvino.Tensor(np.zeros(1, np.float32))

__all__ = ["openvino"]
