from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from image_search.extractors.weights.integrity import damage

# Of the headers of a part and of its line in the table of contents: where they begin, and where
# each holds the bits that tell how it was packed.
HEADERS = ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """An archive such as torch.save makes, of one part."""
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/0", bytes(1000))
    return path


def test_what_is_whole_has_no_damage(weights: Path) -> None:
    assert damage(weights, thorough=True) is None


@pytest.mark.parametrize(("bit", "result"), [(0x01, "encrypted"), (0x20, "patched data")])
def test_parts_that_cannot_be_read_are_reported(weights: Path, bit: int, result: str) -> None:
    content = bytearray(weights.read_bytes())
    for beginning, place in HEADERS:
        content[content.index(beginning) + place] |= bit
    weights.write_bytes(content)

    found = damage(weights, thorough=True)

    assert found is not None
    assert found.startswith("its parts cannot be read")
    assert result in found


def test_a_part_that_was_changed_is_named(weights: Path) -> None:
    content = bytearray(weights.read_bytes())
    content[500] ^= 1
    weights.write_bytes(content)

    assert damage(weights, thorough=True) == "its part data/0 does not match its checksum"
