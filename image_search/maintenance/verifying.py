"""Whether everything that is kept of a collection is as it was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from image_search.duplicates.checking import thresholds
from image_search.duplicates.decisions import Decisions
from image_search.duplicates.fingerprints import visual_words
from image_search.duplicates.fingerprints.segments import SUFFIX, read_segment, verify_segment
from image_search.duplicates.pairs import Pairs
from image_search.errors import CacheDamaged, CacheLocked
from image_search.labels import label_files
from image_search.labels.head import LabelHead
from image_search.labels.store import LabelStore
from image_search.maintenance.damage import (
    CORRECTIONS,
    DECISIONS,
    FINGERPRINTS,
    IMPORTED,
    LABELS,
    PAIRS,
    THRESHOLDS,
    Damage,
    Depth,
    Verified,
)
from image_search.maintenance.index_files import verify_index
from image_search.settings import Settings
from image_search.storage.imported import imported_names, imported_paths, open_imported

# What SQLite keeps beside a file.
BESIDE = ("", "-wal", "-shm")


def verify(
    settings: Settings,
    depth: Depth = Depth(),  # noqa: B008 - it cannot be changed
    on_progress: Callable[[int, int], None] = lambda _, __: None,
) -> Verified:
    """Compare all files with what is known of them, and return what was found.

    Nothing is changed and no lock is taken, so that a service may go on beside it. ``on_progress``
    is called with how many bytes of how many were read.

    Raises:
        CacheError: there is no index, it is of another release, or it cannot be read.
    """
    verified, state = Verified(depth, on_progress), settings.state_dir
    prints = sorted((state / "fingerprints").glob("*" + SUFFIX))
    lists = sorted((state / "fingerprints").glob("*" + visual_words.SUFFIX))
    cache = settings.cache
    imported = {name: imported_paths(cache, name) for name in imported_names(cache)}
    rows = [path for paths in imported.values() for path in paths[1:]]
    to_read = [path for path in (*prints, *lists, *rows) if depth.covers(path)]
    verified.bytes_to_read += sum(map(_size, to_read))
    verify_index(settings.cache, verified)
    for path in prints:
        _look(verified, FINGERPRINTS, path, lambda path=path: _fingerprints(verified, path))  # type: ignore[misc]
    for path in lists:
        _look(verified, FINGERPRINTS, path, lambda path=path: _lists(verified, path))  # type: ignore[misc]
    _look(verified, PAIRS, pairs_of(state), lambda: _pairs(verified, state))
    _look(verified, THRESHOLDS, state / "thresholds.pkl", lambda: _thresholds(verified, state))
    _look(verified, DECISIONS, decisions_of(state), lambda: _decisions(verified, state))
    classifier, labels = label_files(settings)
    _look(verified, LABELS, classifier, lambda: _classifier(verified, classifier))
    _look(verified, CORRECTIONS, labels, lambda: _corrections(verified, labels))
    for name, paths in imported.items():
        _look(verified, IMPORTED, paths[0], lambda name=name: _imported(verified, settings, name))  # type: ignore[misc]
    return verified


def pairs_of(state: Path) -> Path:
    """Where the duplicates are kept."""
    return state / "duplicates.sqlite"


def decisions_of(state: Path) -> Path:
    """Where decisions are kept."""
    return state / "decisions.sqlite"


_COSTS = {
    FINGERPRINTS: "the fingerprints in it are made again from the images",
    PAIRS: "the images are compared with each other again",
    THRESHOLDS: "they are measured again on the collection, within seconds",
    DECISIONS: "it is set aside, and all decisions that can be read of it are kept",
    LABELS: "labels must be trained again",
    CORRECTIONS: "it is set aside, and the labels that people gave must come from a backup",
    IMPORTED: "these vectors are removed; import them again, or take them from a backup",
}


def _look(verified: Verified, kind: str, path: Path, look: Callable[[], None]) -> None:
    if not path.exists():
        return
    try:
        look()
    except FileNotFoundError:
        pass  # merged into others since
    except CacheLocked:
        verified.notes.append(f"{path.name} is being written and was not verified.")
    except CacheDamaged as error:
        # What is made again is removed; decisions are dealt with by themselves.
        remove = {
            PAIRS: tuple(path.with_name(path.name + end) for end in BESIDE),
            DECISIONS: (),
            CORRECTIONS: (),
            IMPORTED: (path, *path.parent.glob(path.name.split(".")[0] + ".*")),
        }
        damage = Damage(kind, path, str(error), _COSTS[kind], remove.get(kind, (path,)))
        verified.damage.append(damage)


def _fingerprints(verified: Verified, path: Path) -> None:
    if not verified.looked_at(path):
        read_segment(path.parent, path.name.removesuffix(SUFFIX))
        return
    size = _size(path)
    if not verify_segment(path):
        _note_old(verified)
    verified.read(size)


def _lists(verified: Verified, path: Path) -> None:
    if not verified.looked_at(path):
        return
    size = _size(path)
    if not visual_words.verify_lists(path):
        _note_old(verified)
    verified.read(size)


def _note_old(verified: Verified) -> None:
    note = (
        "Fingerprints of an earlier release have no checksum of all their bytes; only what finds "
        "them was compared."
    )
    if note not in verified.notes:
        verified.notes.append(note)


def _pairs(verified: Verified, state: Path) -> None:
    verified.files += 1
    Pairs(pairs_of(state)).check()


def _thresholds(verified: Verified, state: Path) -> None:
    verified.files += 1
    if thresholds.load(state / "thresholds.pkl") is None:
        raise CacheDamaged("it is damaged")


def _decisions(verified: Verified, state: Path) -> None:
    verified.files += 1
    Decisions(decisions_of(state)).check()


def _classifier(verified: Verified, path: Path) -> None:
    verified.files += 1
    LabelHead.load(path)


def _corrections(verified: Verified, path: Path) -> None:
    verified.files += 1
    LabelStore(path).check()


def _imported(verified: Verified, settings: Settings, name: str) -> None:
    # Whenever a column is opened, its rows are compared with their checksum.
    column = open_imported(settings.cache, name)
    if column is not None and verified.looked_at(column.path):
        verified.read(_size(column.path))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
