"""Networks in OpenVINO: bfloat16 where the processor has it, float32 elsewhere.

Each core runs its own batch from end to end: no core waits for another in the middle of a layer,
which matters where the other one is busy decoding. Imported only where a network is loaded.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Floats
from image_search.extractors.batches import Forward
from image_search.extractors.converted import Store
from image_search.extractors.quiet_openvino import openvino
from image_search.extractors.recipe import Input, Recipe

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)

_DEVICE, _CAPABILITIES, _COMPILED = "CPU", "OPTIMIZATION_CAPABILITIES", ".blob"
# Raise this when what is converted, or how, changes.
_VERSION = 2


def open_networks(recipe: Recipe) -> Mapping[str, Forward]:
    """The networks of ``recipe``, as they were compiled for this processor and put on the disk;
    where there are none yet, or damaged ones, they are made and kept.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    store = Store(recipe.weights, f"{recipe.model}, {_VERSION}, {_made_for()}")

    @cache
    def made() -> Mapping[str, Forward]:
        networks = {
            name: _compile(convert(module, recipe.inputs[name]))
            for name, module in recipe.modules().items()
        }
        store.keep(lambda place: _save(networks, place))
        return {name: _runner(network) for name, network in networks.items()}

    folder = store.find()
    if folder is None:
        return made()

    def load(name: str) -> Forward:
        try:
            return _runner(_read(folder / f"{name}{_COMPILED}"))
        except (OSError, RuntimeError) as error:
            # For a processor that only calls itself the same, or gone since it was checked.
            _log.warning("The compiled %s is of no use here (%s).", recipe.model, error)
            return made()[name]

    # Words need no network for pictures, and the other way round.
    return {name: _on_first_need(load, name) for name in recipe.inputs}


def _on_first_need(load: Callable[[str], Forward], name: str) -> Forward:
    turn = threading.Lock()
    ready: list[Forward] = []

    def forward(batch: npt.NDArray[Any]) -> Floats:
        with turn:
            if not ready:
                ready.append(load(name))
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
    return _runner(_compile(model))


def _compile(model: openvino.Model) -> openvino.CompiledModel:
    return _core().compile_model(model, _DEVICE, _settings())


def _settings() -> dict[str, Any]:
    cores = _cores()
    return {
        "NUM_STREAMS": cores,
        "INFERENCE_NUM_THREADS": cores,
        "INFERENCE_PRECISION_HINT": precision(),
        # Threads tied to cores would wait for the one that decodes while another is free.
        "ENABLE_CPU_PINNING": False,
    }


def _runner(network: openvino.CompiledModel) -> Forward:
    idle: queue.LifoQueue[Any] = queue.LifoQueue()
    for _ in range(_cores()):
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
    return "bf16" if "BF16" in _core().get_property(_DEVICE, _CAPABILITIES) else "f32"


@cache
def _made_for() -> str:
    """What a compiled network depends on beside the network itself."""
    about = (_core().get_property(_DEVICE, name) for name in ("FULL_DEVICE_NAME", _CAPABILITIES))
    return f"openvino {openvino.__version__}, {precision()}, {' '.join(map(str, about))}"


@cache
def _core() -> openvino.Core:
    return openvino.Core()


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(file: Path) -> openvino.CompiledModel:
    return _core().import_model(file.read_bytes(), _DEVICE, _settings())


def _save(networks: Mapping[str, openvino.CompiledModel], folder: Path) -> None:
    for name, network in networks.items():
        (folder / f"{name}{_COMPILED}").write_bytes(network.export_model().getvalue())
