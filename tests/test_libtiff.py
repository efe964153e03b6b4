"""A damaged TIFF file is told of once, in our words, and not by the library below."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    written = io.BytesIO()
    picture = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    picture.save(written, "TIFF", compression="tiff_deflate")
    data = bytearray(written.getvalue())
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, TiffImageFile)
        start = image.tag_v2[273][0]  # where its pixels begin
    data[start : start + 100] = bytes(100)
    path = tmp_path / "damaged.tif"
    path.write_bytes(data)
    return path


def message(program: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    return done.stderr


def test_a_damaged_tiff_is_no_noise(damaged: Path) -> None:
    alone = "import sys\nfrom PIL import Image\nImage.open(sys.argv[1]).load()"
    ours = (
        "import pathlib, sys\nfrom image_search.errors import UnreadableImage\n"
        "from image_search.imaging.decoding import decode\n"
        "try:\n    decode(pathlib.Path(sys.argv[1]).read_bytes(), max_megapixels=10)\n"
        "except UnreadableImage as error:\n    print('told:', error, file=sys.stderr)"
    )
    if "ZIPDecode" not in message(alone, damaged):
        pytest.skip("this build of Pillow says nothing by itself")

    text = message(ours, damaged)

    assert text.startswith("told:")
    assert "ZIPDecode" not in text
