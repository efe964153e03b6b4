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
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import BATCH, Forward
from image_search.extractors.runtime.converted import Store
from image_search.extractors.runtime.quiet_openvino import openvino
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.imaging.arrays import Floats

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)

# OpenVINO's word for a size that is not fixed.
ANY = -1
_DEVICE, _CAPABILITIES, _COMPILED = "CPU", "OPTIMIZATION_CAPABILITIES", ".blob"
# Raise this when what is converted, or how, changes.
_VERSION = 5
#: So often a batch is filled up before the other form is read: reading one takes as long as a dozen
#: full batches, and what comes once, the rest of an update, should not wait for it.
FILLED = 8


def open_networks(recipe: Recipe) -> Mapping[str, Forward]:
    """The networks of ``recipe``, as they were compiled for this processor and put on the disk;
    where there are none yet, or damaged ones, they are made and kept.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    made_or_kept = _Compiled(recipe)
    # Words need no network for pictures, and the other way round.
    networks: dict[str, Forward] = {}
    for name, takes in recipe.inputs.items():
        forms = {
            size: LazyModel(partial(made_or_kept.load, form))
            for form, size in _forms(name, takes).items()
        }
        full, any_size = forms.get(BATCH), forms[ANY]
        networks[name] = any_size if full is None else FullBatchModel(full, any_size)
    return networks


class _Compiled:
    """The compiled networks of ``recipe``, from the disk, or made and put there."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._store = Store(recipe.weights, recipe.model, f"{_VERSION}, {_made_for()}")
        self._turn = threading.Lock()
        self._kept = self._store.find()
        self._made = self._make() if self._kept is None else None

    def load(self, form: str) -> Forward:
        """The network of this name; all are made again where it is damaged."""
        with self._turn:
            if self._kept is not None:
                try:
                    return _runner(_read(self._kept.read(f"{form}{_COMPILED}")))
                except (OSError, RuntimeError) as error:
                    # Damaged, or for a processor that only calls itself the same.
                    model = self._recipe.model
                    _log.warning("The compiled %s is of no use here (%s).", model, error)
                    self._kept = None
            if self._made is None:
                self._made = self._make()
            return _runner(self._made[form])

    def _make(self) -> Mapping[str, openvino.CompiledModel]:
        networks: dict[str, openvino.CompiledModel] = {}
        for name, module in self._recipe.modules().items():
            networks |= _compiled(name, module, self._recipe.inputs[name])
        self._store.keep(lambda place: _save(networks, place))
        return networks


def _forms(name: str, takes: Input) -> dict[str, int]:
    """By the name of its file, the size of the batches that a form of a network takes; ANY for the
    one that takes all others.

    What is indexed comes in full batches. A network for these alone is quicker in bfloat16, and
    takes memory only where they come.
    """
    in_bulk = takes.in_bulk and precision() == "bf16"
    return {name: ANY, f"{name}-{BATCH}": BATCH} if in_bulk else {name: ANY}


def _compiled(
    name: str, module: torch.nn.Module, takes: Input
) -> dict[str, openvino.CompiledModel]:
    made = {}
    for form, size in _forms(name, takes).items():
        if size != ANY:
            from image_search.extractors.runtime.pointwise import with_convolutions

            # For batches of any size they gain nothing.
            module = with_convolutions(module)
        model = convert(module, takes)
        model.reshape(openvino.PartialShape([size, *takes.shape]))
        made[form] = _compile(model)
    return made


def convert(module: torch.nn.Module, takes: Input) -> openvino.Model:
    """The module as a model of OpenVINO, of which the size of the batches is still to be set.

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
        return frontend.convert(frontend.load(decoder))


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


def _read(content: bytes) -> openvino.CompiledModel:
    return _core().import_model(content, _DEVICE, _settings())


def _save(networks: Mapping[str, openvino.CompiledModel], folder: Path) -> None:
    for name, network in networks.items():
        (folder / f"{name}{_COMPILED}").write_bytes(network.export_model().getvalue())


class LazyModel:
    """A network that ``load`` gives, once, to whichever thread needs it first."""

    def __init__(self, load: Callable[[], Forward]) -> None:
        self._load, self._turn = load, threading.Lock()
        self._network: Forward | None = None

    @property
    def ready(self) -> bool:
        """Whether it has been read."""
        return self._network is not None

    def __call__(self, batch: npt.NDArray[Any]) -> Floats:
        """See ``Forward``. Raises what ``load`` raises."""
        with self._turn:
            if self._network is None:
                self._network = self._load()
        return self._network(batch)


class FullBatchModel:
    """``full`` for batches of BATCH, and ``any_size`` for all others."""

    def __init__(self, full: LazyModel, any_size: LazyModel) -> None:
        self._full, self._any_size = full, any_size
        self._filled = 0

    def __call__(self, batch: npt.NDArray[Any]) -> Floats:
        """See ``Forward``. Raises what reading a network raises."""
        if len(batch) == BATCH:
            return self._full(batch)
        if self._full.ready and not self._any_size.ready and self._filled < FILLED:
            self._filled += 1
            rest = np.broadcast_to(batch[-1], (BATCH - len(batch), *batch.shape[1:]))
            return self._full(np.concatenate([batch, rest]))[: len(batch)]
        return self._any_size(batch)
