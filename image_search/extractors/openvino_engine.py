"""Networks in OpenVINO: bfloat16 where the processor has it, float32 elsewhere.

Each core runs its own batch from end to end: no core waits for another in the middle of a layer,
which matters where the other one is busy decoding. Imported only where a network is loaded.
"""

from __future__ import annotations

import os
import queue
import threading
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import openvino

from image_search.extractors.base import Floats
from image_search.extractors.batches import Forward
from image_search.extractors.converted import Store
from image_search.extractors.recipe import Input, Recipe

if TYPE_CHECKING:
    import torch

# The first array that OpenVINO is given makes its binding look NumPy up, under a lock of its own.
# Two threads that were first together would wait for each other for ever, one with the lock, one
# with the interpreter (pybind/pybind11, pull request 4877). While a module is imported there is
# only one.
openvino.Tensor(np.zeros(1, np.float32))

# Raise this when what is converted, or how, changes.
_VERSION = 1


def open_networks(recipe: Recipe) -> Mapping[str, Forward]:
    """The networks of ``recipe``, from the converted models on disk; where there are none yet, or
    damaged ones, they are made and kept.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    made_by = f"{recipe.model}, openvino {openvino.__version__}, {_VERSION}"
    store = Store(recipe.weights, made_by)
    folder = store.find()
    models: dict[str, openvino.Model] = {}
    if folder is None:
        modules = recipe.modules()
        models = {name: convert(module, recipe.inputs[name]) for name, module in modules.items()}
        folder = store.keep(lambda place: _save(models, place))
    if folder is not None:
        # Those just made, too, so that the first run computes what later ones do.
        models = {name: _core().read_model(folder / f"{name}.xml") for name in recipe.inputs}
    # The first at once, so that what is wrong comes to light; the others are not always needed.
    return {
        name: _on_first_need(model) if number else compiled(model)
        for number, (name, model) in enumerate(models.items())
    }


def _on_first_need(model: openvino.Model) -> Forward:
    turn = threading.Lock()
    ready: list[Forward] = []

    def forward(batch: npt.NDArray[Any]) -> Floats:
        with turn:
            if not ready:
                ready.append(compiled(model))
        return ready[0](batch)

    return forward


def convert(module: torch.nn.Module, takes: Input) -> openvino.Model:
    """The module as a model of OpenVINO, for batches of any size.

    Goes through the frontend for PyTorch itself: ``openvino.convert_model`` would do the same and
    ask its maker's telemetry along the way.
    """
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros((2, *takes.shape), dtype=getattr(torch, takes.dtype))
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer doubts everything that is decided by a shape; all shapes but the first are
        # fixed.
        warnings.simplefilter("ignore")
        decoder = TorchScriptPythonDecoder(
            module, example_input=(example,), trace_kwargs={"check_trace": False}
        )
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    model.reshape(openvino.PartialShape([-1, *takes.shape]))
    return model


def compiled(model: openvino.Model) -> Forward:
    """The model ready to run, as many batches at once as there are cores."""
    cores = _cores()
    network = _core().compile_model(
        model,
        "CPU",
        {
            "NUM_STREAMS": cores,
            "INFERENCE_NUM_THREADS": cores,
            "INFERENCE_PRECISION_HINT": precision(),
            # Threads tied to cores would wait for the one that decodes while another is free.
            "ENABLE_CPU_PINNING": False,
        },
    )
    idle: queue.LifoQueue[Any] = queue.LifoQueue()
    for _ in range(cores):
        idle.put(network.create_infer_request())

    def forward(batch: npt.NDArray[Any]) -> Floats:
        request = idle.get()
        try:
            request.infer([np.ascontiguousarray(batch)], share_inputs=True)
            rows: Floats = request.get_output_tensor().data.astype(np.float32)
        finally:
            idle.put(request)
        return rows

    return forward


@cache
def precision() -> str:
    """What the processor computes in: ``bf16`` where it has instructions for it, else ``f32``."""
    return "bf16" if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


@cache
def _core() -> openvino.Core:
    return openvino.Core()


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _save(models: Mapping[str, openvino.Model], folder: Path) -> None:
    for name, model in models.items():
        # Half the disk; bfloat16, in which the work is mostly done, keeps fewer digits still.
        openvino.save_model(model, folder / f"{name}.xml", compress_to_fp16=True)
