"""The state of an index: what it holds, which of its extractors can be used here and now, and and
warnings about the others.

Imports as little as it can, for ``status`` is to answer at once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, resolve
from image_search.extractors.model_sets import SETS
from image_search.extractors.patches import BASE, DIM, MODEL, NAME
from image_search.indexing.reports import Unreadable
from image_search.indexing.unread import by_ending, unreadable_of
from image_search.settings import Settings
from image_search.storage import ExtractorIdentity, Snapshot


@dataclass(frozen=True)
class Status:
    """The state of the index. ``updated`` is in seconds since 1970.

    ``ready`` says that there is something to search; ``complete`` that the last update went to its
    end; ``usable`` which of the index's extractors a query can use on this machine.
    ``fingerprint`` changes whenever what can be found changes. ``notes`` are those of the
    ``warnings`` that need no attention, see ``image_search.extractors.Resolution``. ``adding`` says
    of extractors that are being added to the index how many of how many vectors they have so far.
    ``imported`` are the names of vectors that other programs made.
    """

    ready: bool
    complete: bool
    images: int
    unreadable: int
    failures: tuple[Unreadable, ...]
    not_images: dict[str, int]
    extractors: tuple[str, ...]
    usable: tuple[str, ...]
    models: dict[str, str]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    updated: float | None
    images_folder: str
    cache: str
    fingerprint: str
    adding: dict[str, tuple[int, int]] = field(default_factory=dict)
    imported: tuple[str, ...] = ()


def status_of(settings: Settings, snapshot: Snapshot, damage: str) -> Status:
    """The state of the index that ``snapshot`` is; loads no model."""
    usable, warnings, notes = _usable(settings, snapshot, damage)
    failures = tuple(map(unreadable_of, snapshot.failures))
    return Status(
        ready=snapshot.images > 0,
        complete=snapshot.complete,
        images=snapshot.images,
        unreadable=len(failures),
        failures=failures,
        not_images=by_ending(snapshot.not_images),
        extractors=tuple(extractor.name for extractor in snapshot.extractors),
        usable=usable,
        models={extractor.name: extractor.model for extractor in snapshot.extractors},
        warnings=warnings,
        notes=notes,
        updated=snapshot.updated,
        images_folder=str(settings.images),
        cache=str(settings.cache),
        fingerprint=snapshot.fingerprint,
        adding=snapshot.adding(),
    )


def is_outdated(settings: Settings, snapshot: Snapshot) -> bool:
    """Whether the index was made with other extractors than it would be now."""
    try:
        names = resolve(settings.chosen_models, fetch=False, timeout=0).names
    except ModelUnavailable:
        return True
    wanted = tuple((name, REGISTRY[name].model) for name in names)
    held = tuple((extractor.name, extractor.model) for extractor in snapshot.extractors)
    lacking = any(not segment.has(patches_beside(settings, names)) for segment in snapshot.segments)
    return wanted != held or lacking


def patches_beside(settings: Settings, names: Collection[str]) -> tuple[ExtractorIdentity, ...]:
    """What an index with extractors of these ``names`` holds beside their vectors: patches, where
    parts are wanted and ``imagenet``, which they come from, is used."""
    if not (settings.parts and BASE in names):
        return ()
    return (ExtractorIdentity(NAME, MODEL, DIM),)


def usable_extractors(
    settings: Settings, snapshot: Snapshot, damage: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The extractors of the index that a query can use here, and warnings about the others and
    about its ``damage``, if any; without what needs no attention, which the status says."""
    usable, warnings, notes = _usable(settings, snapshot, damage)
    return usable, tuple(warning for warning in warnings if warning not in notes)


def _usable(
    settings: Settings, snapshot: Snapshot, damage: str
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The extractors that a query can use, all warnings, and the notes among these."""
    usable = []
    warnings = [damage] if damage else []
    for identity in snapshot.extractors:
        spec = REGISTRY.get(identity.name)
        if spec is None or spec.model != identity.model:
            warnings.append(
                f"The index holds {identity.name} vectors of another model "
                f"({identity.model}), which are not used; reindex to renew them."
            )
        elif spec.weights is not None and spec.weights.missing_reason():
            continue  # the resolution below says so
        else:
            usable.append(identity.name)
    found, notes = _resolved(settings, usable if snapshot.images else None)
    warnings += found
    if adding := snapshot.adding():
        counts = [f"{name} {done:,} of {total:,}" for name, (done, total) in adding.items()]
        warnings.append(
            f"Models are being added to the index ({', '.join(counts)} images); searches use the "
            "others until they are complete."
        )
    elif snapshot.images and not snapshot.complete:
        warnings.append("The last indexing was interrupted; reindex to go on where it stopped.")
    # What the index was made with is missed by every search.
    complete = len(usable) == len(snapshot.extractors)
    return tuple(usable), tuple(dict.fromkeys(warnings)), notes if complete else ()


def _resolved(settings: Settings, used: list[str] | None) -> tuple[list[str], tuple[str, ...]]:
    """What the choice of extractors comes to on this machine now, against those in use; and the
    notes among that."""
    try:
        resolution = resolve(settings.chosen_models, fetch=False, timeout=0)
    except ModelUnavailable as error:
        return [str(error)], ()
    unused = [name for name in resolution.names if used is not None and name not in used]
    also = (f"{name} is available but not in the index yet; reindex to use it." for name in unused)
    return [*resolution.warnings, *also], resolution.notes


def kept_in_reserve(
    settings: Settings,
    snapshot: Snapshot,
    used: Collection[ExtractorIdentity],
    kept: Collection[ExtractorIdentity],
) -> tuple[str, ...]:
    """Warnings about extractors of the index ``snapshot`` that an update with those ``used`` leaves
    out, though their vectors are ``kept`` on disk."""
    warnings = []
    for one in snapshot.extractors:
        if one in used or one not in kept or REGISTRY[one.name].weights is None:
            continue
        if one.name not in SETS[settings.models].extractors:
            named = next((row.name for row in SETS.values() if one.name in row.extractors), "")
            how = f"set IMAGE_SEARCH_MODELS to {named}" if named else "name it in"
            how += "" if named else " IMAGE_SEARCH_EXTRACTORS"
            how += " to use it again"
        else:
            how = "run `image-search models fetch` where there is internet access, and reindex"
        warnings.append(f"{one.name} is no longer used. Its vectors are kept: {how}.")
    return tuple(warnings)
