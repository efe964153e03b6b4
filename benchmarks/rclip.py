"""rclip, where it is installed, with random weights of its own model."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ARCHITECTURE = "ViT-B-32-256"
# Where it looks for its models, below RCLIP_DATADIR.
MODELS = "ViT-B-32-256-datacomp_s34b_b86k"
VOCABULARY = "tokenizer/bpe_simple_vocab_16e6.txt.gz"


@dataclass(frozen=True)
class Rclip:
    """The program and its folder."""

    program: str
    folder: Path

    @staticmethod
    def prepared(folder: Path) -> Rclip | None:
        """With its models exported into ``folder``; ``None`` where it, or what that needs, is not
        here."""
        program = shutil.which("rclip")
        if program is None or find_spec("onnx") is None or find_spec("onnxscript") is None:
            print("rclip takes no part: it needs rclip on the PATH, and onnx and onnxscript here")
            return None
        export(folder)
        return Rclip(program, folder)

    def rate(self, images: Path, count: int) -> float:
        """Images per second; its start and the search that it ends with are taken off."""
        for left in self.folder.glob("*.sqlite*"):
            left.unlink()
        first, again = self._seconds(images), self._seconds(images)
        return count / (first - again)

    def _seconds(self, images: Path) -> float:
        environment = os.environ | {"RCLIP_DATADIR": str(self.folder)}
        # Its own Python's packages, not those that this one was pointed to.
        environment.pop("PYTHONPATH", None)
        started = time.perf_counter()
        subprocess.run(
            [self.program, "--top", "1", "--filepath-only", "ring"],
            cwd=images,
            env=environment,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - started


def export(folder: Path) -> None:
    """Both towers as ONNX files, and the vocabulary, as its downloads would lie."""
    import open_clip
    import torch

    network = open_clip.create_model(ARCHITECTURE).eval()
    side = network.visual.image_size[0]

    class Reader(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = network.encode_text(words)
            return features

    towers = {
        "visual": (network.visual, torch.zeros(2, 3, side, side)),
        "textual": (Reader(), torch.zeros(2, 77, dtype=torch.int64)),
    }
    (folder / MODELS).mkdir(parents=True)
    # The exporter does not know PyTorch's own short cut for attention.
    torch.backends.mha.set_fastpath_enabled(False)
    for name, (module, example) in towers.items():
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                (example,),
                str(folder / MODELS / f"{name}.onnx"),
                input_names=["input"],
                output_names=["output"],
                dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
                dynamo=False,
            )
    torch.backends.mha.set_fastpath_enabled(True)
    (folder / VOCABULARY).parent.mkdir()
    origin = Path(str(open_clip.__file__))
    shutil.copy(origin.with_name(Path(VOCABULARY).name), folder / VOCABULARY)
