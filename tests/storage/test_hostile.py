"""A pickle that would run something is refused, and what it would run is not run."""

from __future__ import annotations

import copyreg
import hashlib
import io
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_search.errors import CacheDamaged, NewerCache
from image_search.storage import safe_pickle
from image_search.storage.snapshot import FORMAT, SCHEMA
from tests.storage.files import read, record, segment_files, write


class Calls:
    """Pickles to a call of anything."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = function, arguments

    def __reduce__(self) -> Any:
        return self._reduced


class _Persistent(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return "somewhere else" if obj == "secret" else None


def persistent() -> bytes:
    buffer = io.BytesIO()
    _Persistent(buffer).dump({"sha256": "secret"})
    return buffer.getvalue()


def enveloped(payload: bytes) -> bytes:
    return pickle.dumps({"sha256": hashlib.sha256(payload).digest(), "payload": payload}, 5)


def hostile(marker: Path) -> dict[str, bytes]:
    touch = f"touch {marker}"
    calls: dict[str, Any] = {
        "os.system": Calls(os.system, touch),
        "subprocess": Calls(subprocess.call, ["touch", str(marker)]),
        "eval": Calls(eval, f"open({str(marker)!r}, 'w')"),
        "exec": Calls(exec, f"open({str(marker)!r}, 'w')"),
        "getattr": Calls(getattr, os, "system"),
        "numpy array": np.zeros(3),
        "numpy scalar": np.float32(1),
        "numpy dtype": np.dtype("f4"),
        "a path": marker,
        "an extension": Calls(copyreg.add_extension, "os", "system", 240),
        "bytearray": bytearray(b"x"),
        "a set": Calls(set, [1]),
    }
    found = {}
    for name, value in calls.items():
        for protocol in (0, 2, 5):
            if name == "getattr":
                continue
            found[f"{name}, protocol {protocol}"] = pickle.dumps(value, protocol)
    found["by hand"] = b"cos\nsystem\n(S'" + touch.encode() + b"'\ntR."
    found["dotted name"] = b"\x80\x04\x8c\x02os\x8c\x0bpath.os.sep\x93."
    found["persistent"] = persistent()
    found["persistent by hand"] = b"Psomewhere else\n."
    found["extension by hand"] = b"\x80\x02\x82\xf0."
    found["next buffer"] = b"\x80\x05\x97."
    found["instance"] = b"(S'" + touch.encode() + b"'\nios\nsystem\n."
    found["endless claim"] = b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."
    found["deeply nested"] = b"(" * 100_000 + b"t" * 99_999 + b"."
    found["memo abuse"] = b"\x80\x04j\xff\xff\xff\xff."
    return found


NAMES = list(hostile(Path("/nowhere")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nested", [False, True], ids=["outside", "inside the payload"])
def test_it_is_refused_and_not_run(name: str, nested: bool, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "cache.pkl"
    data = hostile(marker)[name]
    path.write_bytes(enveloped(data) if nested else data)

    with pytest.raises(CacheDamaged):
        assert read(path) is not None  # a value that loads by chance is no manifest

    assert not marker.exists()


@pytest.mark.parametrize("name", ["os.system, protocol 5", "numpy array, protocol 5", "by hand"])
def test_the_records_of_a_segment_are_read_as_carefully(name: str, tmp_path: Path) -> None:
    cache, marker = tmp_path / "cache.pkl", tmp_path / "marker"
    write(cache, [record("a")])
    records = next(path for path in segment_files(cache) if path.suffix == ".pkl")
    for data in (hostile(marker)[name], enveloped(hostile(marker)[name])):
        records.write_bytes(data)
        with pytest.raises(CacheDamaged):
            read(cache)

    assert not marker.exists()


MANIFEST: dict[str, Any] = {
    "format": FORMAT, "schema": SCHEMA, "extractors": [("fake", "made/up/1", 6)],
    "segments": [], "updated": 1.0, "complete": True, "folder": "/",
    "calibration": None, "wanted": [], "pending": [],
}  # fmt: skip


def test_a_cache_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cache.pkl"
    safe_pickle.dump(path, MANIFEST | {"schema": SCHEMA + 1})
    before = path.read_bytes()

    for use in (read, write):
        with pytest.raises(NewerCache, match=r"newer version.*install that version"):
            use(path)

    assert path.read_bytes() == before
    assert list(tmp_path.glob("*.damaged-*")) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"schema": 0},
        {"schema": "2"},
        {"wanted": 7},
        {"pending": [("deadbeef",)]},
        {"extractors": 3},
        {"extractors": [("fake",)]},
        {"segments": [("../../etc/passwd", 1, b"\x80")]},
        {"segments": [("", 1, b"\x80")]},
        {"segments": [("deadbeef", 1, b"\x80")]},
        {"segments": [("deadbeef", 10**30, b"\x80")]},
        {"segments": [1]},
        {"updated": "yesterday"},
        {"updated": 10**400},
    ],
)
def test_a_manifest_that_cannot_be_is_damage(changes: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "cache.pkl"
    safe_pickle.dump(path, MANIFEST)
    assert read(path) is not None
    safe_pickle.dump(path, MANIFEST | changes)

    with pytest.raises(CacheDamaged):
        read(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"paths": [1, 2]},
        {"paths": ["a"]},
        {"digests": [1, 2]},
        {"sizes": b"123"},
        {"columns": 3},
        {"columns": [("fake", "made/up/1", 6)]},
        {"columns": [("fake", "made/up/1", 6, "sum")]},
        {"columns": [("fake", "made/up/1", 6, float("inf"))]},
        {"columns": []},
        {"owners": b"\1\0\0\0\0\0\0\0"},
        {"owners": b"\0\0\0\0\1\0\0\0\1\0\0\0"},
        {"regions": {}},
        {"regions": {"kinds": b"\1", "boxes": b"", "times": b"", "numbers": b""}},
        {"owners": b"\xff\xff\xff\xff" * 2},
        {"owners": b""},
        {"columns": [("fake", "made/up/1", 7, 0)]},
        {"columns": [("another", "made/up/1", 6, 0)]},
        {"verdicts": None},
    ],
)
def test_a_segment_that_cannot_be_is_damage(changes: dict[str, Any], tmp_path: Path) -> None:
    cache = tmp_path / "cache.pkl"
    write(cache, [record("a", 1), record("b", 2)])
    records = next(path for path in segment_files(cache) if path.suffix == ".pkl")
    safe_pickle.dump(records, safe_pickle.load(records) | changes)

    with pytest.raises(CacheDamaged):
        read(cache)
