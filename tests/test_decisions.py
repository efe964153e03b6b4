"""Decisions on pairs of images: kept, taken back, exported, merged, and never lost."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_search.duplicates.decisions import DECISIONS, FORMAT, VERSION, Decisions, Side, pair_of
from image_search.errors import CacheError, CacheLocked, InvalidQuery
from image_search.storage import database


def content(number: int) -> bytes:
    return number.to_bytes(32, "big")


A, B, C = (Side(content(n), f"{n}.png") for n in (1, 2, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "decisions.sqlite"


@pytest.fixture
def decisions(path: Path) -> Decisions:
    return Decisions(path)


def test_a_decision_is_kept_whichever_way_round(decisions: Decisions, path: Path) -> None:
    decisions.decide(B, A, "different")

    assert Decisions(path).all() == {(A.digest, B.digest): "different"}
    assert pair_of(B.digest, A.digest) == (A.digest, B.digest)


def test_looking_makes_no_file(decisions: Decisions, path: Path) -> None:
    assert decisions.all() == {}
    assert decisions.latest() is None
    assert decisions.exported()["decisions"] == []
    assert not path.exists()


def test_undoing_brings_back_what_was_decided_before(decisions: Decisions) -> None:
    decisions.decide(A, B, "same")
    decisions.decide(A, B, "colourway")

    assert decisions.undo(B.digest, A.digest) == "same"
    assert decisions.all() == {(A.digest, B.digest): "same"}
    assert decisions.undo(A.digest, B.digest) is None
    assert decisions.all() == {}
    assert decisions.undo(A.digest, B.digest) is None
    assert decisions.undo(A.digest, C.digest) is None


def test_the_latest_decision_is_reported(decisions: Decisions) -> None:
    decisions.decide(A, B, "same")
    decisions.decide(C, A, "different")

    assert decisions.latest() == (A, C, "different")
    decisions.undo(A.digest, C.digest)
    assert decisions.latest() == (A, B, "same")


def test_a_word_that_is_no_decision_is_refused(decisions: Decisions, path: Path) -> None:
    with pytest.raises(InvalidQuery, match="same, colourway, variant, contains or different"):
        decisions.decide(A, B, "maybe")
    assert decisions.all() == {}


def test_an_export_comes_back_in_another_place(decisions: Decisions, tmp_path: Path) -> None:
    decisions.decide(A, B, "same")
    decisions.decide(A, C, "different")
    plain = json.loads(json.dumps(decisions.exported()))
    other = Decisions(tmp_path / "other.sqlite")

    first, again = other.merge(plain), other.merge(plain)

    assert (first.taken, first.kept) == (2, 0)
    assert (again.taken, again.kept) == (0, 2)
    assert other.all() == decisions.all()
    assert {tuple(entry["paths"]) for entry in plain["decisions"]} == {
        ("1.png", "2.png"),
        ("1.png", "3.png"),
    }


def test_an_old_export_does_not_bring_back_what_was_undone(decisions: Decisions) -> None:
    decisions.decide(A, B, "same")
    old = decisions.exported()
    decisions.undo(A.digest, B.digest)

    decisions.merge(old)

    assert decisions.all() == {}


ENTRY = st.fixed_dictionaries(
    {
        "a": st.sampled_from([A.digest.hex(), B.digest.hex()]),
        "b": st.sampled_from([B.digest.hex(), C.digest.hex()]),
        "decision": st.sampled_from([None, *DECISIONS]),
    }
)


@settings(max_examples=12)
@given(st.lists(ENTRY, max_size=6), st.randoms(use_true_random=False))
def test_on_every_pair_the_newest_counts_in_any_order(entries: list[Any], order: Random) -> None:
    rows = [{**entry, "decided": float(number)} for number, entry in enumerate(entries)]
    newest = {pair_of(bytes.fromhex(r["a"]), bytes.fromhex(r["b"])): r["decision"] for r in rows}
    order.shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        merged = Decisions(Path(folder) / "decisions.sqlite")
        for row in rows:
            merged.merge({"format": FORMAT, "version": VERSION, "decisions": [row]})

        assert merged.all() == {pair: word for pair, word in newest.items() if word is not None}


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (None, "not an export"),
        ([], "not an export"),
        ({"format": "something"}, "not an export"),
        ({"format": FORMAT, "version": 99, "decisions": []}, "version 99"),
        ({"format": FORMAT, "version": VERSION}, "no list"),
        ({"format": FORMAT, "version": VERSION, "decisions": [{"a": "00"}]}, "Decision 1"),
        ({"format": FORMAT, "version": VERSION, "decisions": ["x"]}, "Decision 1"),
    ],
)
def test_what_is_no_export_is_refused(decisions: Decisions, plain: Any, message: str) -> None:
    decisions.decide(A, B, "same")
    with pytest.raises(InvalidQuery, match=message):
        decisions.merge(plain)
    assert decisions.all() == {(A.digest, B.digest): "same"}


@pytest.mark.parametrize("decided", [float("nan"), float("inf"), "soon", None])
def test_one_bad_entry_leaves_all_as_it_was(decisions: Decisions, decided: Any) -> None:
    good = {"a": A.digest.hex(), "b": B.digest.hex(), "decision": "same", "decided": 1.0}
    bad = {**good, "b": C.digest.hex(), "decided": decided}
    with pytest.raises(InvalidQuery, match="Decision 2"):
        decisions.merge({"format": FORMAT, "version": VERSION, "decisions": [good, bad]})
    assert decisions.all() == {}


def test_a_clock_that_goes_ahead_has_not_the_last_word(decisions: Decisions) -> None:
    entry = {"a": A.digest.hex(), "b": B.digest.hex(), "decision": "same", "decided": 1e15}
    decisions.merge({"format": FORMAT, "version": VERSION, "decisions": [entry]})

    decisions.decide(A, B, "different")
    decisions.merge({"format": FORMAT, "version": VERSION, "decisions": [{**entry, "decided": 9}]})

    assert decisions.all() == {(A.digest, B.digest): "different"}


def test_many_threads_decide_at_once(decisions: Decisions) -> None:
    def decide(number: int) -> None:
        decisions.decide(Side(content(0)), Side(content(number)), DECISIONS[number % 3])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, range(1, 60)))

    assert decisions.all() == {
        (content(0), content(number)): DECISIONS[number % 3] for number in range(1, 60)
    }


def test_a_file_that_is_no_database_is_set_aside(decisions: Decisions, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but somebody may want to look at it" * 100)

    assert decisions.all() == {}

    (aside,) = path.parent.glob("decisions.sqlite.damaged-*")
    assert b"somebody may want" in aside.read_bytes()
    assert aside.name in decisions.warnings[0]
    decisions.decide(A, B, "same")
    assert Decisions(path).all() == {(A.digest, B.digest): "same"}


def test_what_can_be_read_of_a_damaged_file_is_kept(path: Path) -> None:
    written = Decisions(path)
    entry = {"a": content(0).hex(), "decision": "same", "decided": 1.0, "paths": ["", "x" * 100]}
    entries = [{**entry, "b": content(number).hex()} for number in range(1, 400)]
    written.merge({"format": FORMAT, "version": VERSION, "decisions": entries})
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    page = data.rfind(b"x" * 100) // 4096 * 4096
    data[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(data)

    found = Decisions(path)

    assert 0 < len(found.all()) < 399
    assert set(found.all().values()) == {"same"}
    (warning,) = found.warnings
    assert f"{len(found.all())} decisions" in warning
    (aside,) = path.parent.glob("decisions.sqlite.damaged-*[0-9]")
    assert aside.read_bytes() == bytes(data)


def test_a_locked_file_is_reported(
    decisions: Decisions, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions.decide(A, B, "same")
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(CacheLocked, match="try again"):
            decisions.decide(A, C, "same")
        assert decisions.all() == {(A.digest, B.digest): "same"}

    decisions.decide(A, C, "same")
    assert len(decisions.all()) == 2


def test_a_folder_in_its_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "decisions.sqlite").mkdir()
    with pytest.raises(CacheError, match="cannot be read or written"):
        Decisions(tmp_path / "decisions.sqlite").decide(A, B, "same")


def test_a_name_that_is_no_text_is_kept_readable(decisions: Decisions) -> None:
    decisions.decide(Side(content(1), "caf\udce9.png"), B, "same")
    (entry,) = decisions.exported()["decisions"]
    json.dumps(entry).encode()
    assert entry["paths"][0] == "caf\\udce9.png"
