"""Which engine runs a network: OpenVINO on the processor, PyTorch on a graphics card.

The networks always come from the libraries that publish them, open_clip and torchvision. PyTorch is
the reference, and runs them wherever OpenVINO cannot be imported, too.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec

from image_search.errors import ModelUnavailable
from image_search.extractors.base import Forward
from image_search.extractors.runtime.recipe import IMPORTING, Recipe

_log = logging.getLogger(__name__)


def open_networks(recipe: Recipe) -> Mapping[str, Forward]:
    """The networks of ``recipe``, ready to run on this machine. Touches no network.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    if not graphics_card() and find_spec("openvino") is not None:
        from image_search.extractors.runtime import openvino_engine

        try:
            return openvino_engine.open_networks(recipe)
        except ModelUnavailable:
            raise
        except Exception as error:  # an engine that fails in any way is one that is not there
            _log.warning("OpenVINO cannot run %s (%s); PyTorch does.", recipe.model, error)
    with IMPORTING:
        from image_search.extractors.runtime import torch_engine
    return torch_engine.open_networks(recipe)


@cache
def graphics_card() -> bool:
    """Whether NVIDIA's driver is here and sees a card; asks the driver, which costs no import."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        return (
            driver.cuInit(0) == 0
            and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
            and count.value > 0
        )
    except (OSError, AttributeError):
        return False
