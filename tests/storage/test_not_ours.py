"""A file named as the cache that is none of ours is refused by name, and stays as it is."""

from __future__ import annotations

import os
import pickle
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from image_search.errors import CacheDamaged, NotACache
from image_search.library import Library
from image_search.settings import Settings
from image_search.storage import CacheWriter, safe_pickle
from image_search.storage.snapshot import companion
from tests.conftest import Run
from tests.drawing import draw_into
from tests.storage.files import FAKE, read, record, segment_files, write

CONTENTS = {
    "a text": b"Notes on rings.\n" * 9,
    "an empty file": b"",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "a pickle of another program": pickle.dumps({"sha256": "text", "payload": 1}, 5),
    "an older pickle": pickle.dumps({"sha256": bytes(32)}, 2),
    "one byte": b"x",
}
COMMANDS = (("index",), ("search", "--text", "ring"), ("duplicates",), ("status",), ("serve",))


@pytest.mark.parametrize("what", CONTENTS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_every_command_refuses_it_by_name(
    what: str, command: tuple[str, ...], run: Run, settings: Settings, tmp_path: Path
) -> None:
    draw_into(settings.images, 2)
    theirs = tmp_path / "theirs" / "notes"
    theirs.parent.mkdir()
    theirs.write_bytes(CONTENTS[what])

    code, _, err = run(*command, "--cache", theirs)

    assert code == 2
    assert str(theirs) in err
    assert "not a cache of this program" in err
    assert theirs.read_bytes() == CONTENTS[what]
    assert list(theirs.parent.iterdir()) == [theirs]


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and sockets as POSIX names them")
@pytest.mark.parametrize("make", [fifo, listening])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_what_is_no_regular_file_is_neither_opened_nor_renamed(
    make: Callable[[Path], None], command: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    make(theirs)
    kind = stat.S_IFMT(theirs.stat().st_mode)

    # Waiting for somebody who writes into a pipe would never end.
    code, _, err = run(*command, "--cache", theirs)

    assert code == 2
    assert f"{theirs} is not a cache of this program (it is no regular file)" in err
    assert stat.S_IFMT(theirs.stat().st_mode) == kind
    assert not companion(theirs).exists()


def test_another_file_of_this_program_is_no_cache(settings: Settings, run: Run) -> None:
    draw_into(settings.images, 2)
    Library.open(settings).update()
    records = next(settings.state_dir.rglob("*.facts.pkl"))
    before = records.read_bytes()

    code, _, err = run("index", "--cache", records)

    assert code == 2
    assert "not a cache of this program" in err
    assert records.read_bytes() == before


def test_a_cache_that_lost_its_content_is_still_ours(tmp_path: Path) -> None:
    cache = tmp_path / "cache.pkl"
    write(cache, [record("a")])
    cache.write_bytes(b"")

    with pytest.raises(CacheDamaged, match="empty") as refused:
        read(cache)
    assert not isinstance(refused.value, NotACache)
    with CacheWriter(cache, tmp_path) as writer:
        assert writer.begin(FAKE).images == 1


def test_a_service_whose_cache_is_replaced_by_something_else_runs_on(settings: Settings) -> None:
    draw_into(settings.images, 2)
    library = Library.open(settings)
    library.update()
    kept = settings.cache.read_bytes()
    settings.cache.write_text("Notes on rings.")

    assert library.status().images == 0
    assert any("is not a cache" in warning for warning in library.status().warnings)
    with pytest.raises(NotACache):
        library.update()
    assert settings.cache.read_text() == "Notes on rings."
    settings.cache.write_bytes(kept)
    assert library.status().images == 2


def test_two_damaged_caches_in_one_second_are_both_kept(tmp_path: Path) -> None:
    cache = tmp_path / "cache.pkl"
    write(cache, [record("a")])
    for _ in range(3):
        cache.write_bytes(cache.read_bytes()[:-5])
        with CacheWriter(cache, tmp_path) as writer:
            writer.begin(FAKE)
            writer.finish()

    assert len(list(tmp_path.glob("cache.pkl.damaged-*"))) == 3


def test_a_file_far_too_large_is_not_read(tmp_path: Path) -> None:
    cache = tmp_path / "cache.pkl"
    write(cache, [record("a")])
    os.truncate(cache, 1 << 40)  # a hole, which takes no room
    with pytest.raises(CacheDamaged, match="more than a cache can"):
        read(cache)

    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"Notes on rings.")
    os.truncate(theirs, 1 << 40)
    with pytest.raises(NotACache):
        read(theirs)


def hostile() -> dict[str, bytes]:
    """Payloads that CPython would unpickle, for memory or time without end."""
    nested: object = []
    for _ in range(40):
        nested = (nested,)
    shared = [1, 2, 3]
    for _ in range(60):
        shared = [shared, shared]  # type: ignore[list-item]
    return {
        "a memo of gigabytes": b"\x80\x05Nr" + struct.pack("<I", 1 << 31) + b"0N.",
        "a text memo": b"\x80\x05Np2147483648\n.",
        "lists of lists twice": pickle.dumps(shared, 5),
        "deep tuples": pickle.dumps(nested, 5),
        "a tower of tuples": b"\x80\x05)" + b"\x85" * 10_000_000 + b".",
        "many empty lists": b"\x80\x05](" + b"]" * 2_000_000 + b"e.",
        "a very long number": b"\x80\x05\x8b"
        + struct.pack("<I", 1 << 20)
        + b"\x7f" * (1 << 20)
        + b".",
        "a claim": b"\x80\x05B\xff\xff\xff\x7fx.",
        "two pickles": pickle.dumps(1, 5) + pickle.dumps(2, 5),
        "a growing array": b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".",
    }


@pytest.mark.parametrize("name", hostile())
def test_a_payload_that_claims_too_much_is_refused_before_it_is_built(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "cache.pkl"
    safe_pickle.write_durably(path, safe_pickle._sealed(hostile()[name]))

    with pytest.raises(CacheDamaged):
        safe_pickle.load(path)


def test_nothing_is_unpickled_before_its_checksum_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache.pkl"
    safe_pickle.dump(path, {"a": [1, 2]})
    data = path.read_bytes()

    def refuse(data: bytes) -> object:
        raise AssertionError("unpickled")

    monkeypatch.setattr(safe_pickle, "_plain", refuse)
    for place in range(12, len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(CacheDamaged):
            safe_pickle.load(path)


@pytest.mark.parametrize(
    "value", [None, 3, "é" * 300, b"x" * 70_000, [("a", -1, 2.5), {"b": True}]]
)
def test_plain_values_come_back(value: object, tmp_path: Path) -> None:
    path = tmp_path / "value.pkl"
    safe_pickle.dump(path, value)
    assert safe_pickle.load(path) == value


@pytest.mark.parametrize(
    "changes",
    [
        {"digests": [b"short", b"short"]},
        {"digests": [b"", b""]},
        {"reasons": {7: "beyond"}},
        {"reasons": {0: 1}},
        {"columns": [("fake", "made/up/1", -6, 0)], "owners": b""},
        {"columns": [("fake", "made/up/1", 1 << 40, 0)]},
        {"columns": [("fake", 1, 6, 0)]},
        {"columns": [("fake", "made/up/1", 1, 0)] * 100},
    ],
)
def test_records_out_of_bounds_are_damage(changes: dict[str, object], tmp_path: Path) -> None:
    cache = tmp_path / "cache.pkl"
    write(cache, [record("a", 1), record("b", 2)])
    records = next(path for path in segment_files(cache) if path.suffix == ".pkl")
    safe_pickle.dump(records, safe_pickle.load(records) | changes)

    with pytest.raises(CacheDamaged):
        read(cache)
