"""The state of an index: what it holds, which of its extractors can be used here and now, and and
warnings about the others.

Imports as little as it can, for ``status`` is to answer at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, resolve
from image_search.extractors.resolve import AUTO
from image_search.indexing.reports import Unreadable
from image_search.indexing.unread import by_ending, unreadable_of
from image_search.settings import Settings
from image_search.storage import Snapshot


@dataclass(frozen=True)
class Status:
    """The state of the index. ``updated`` is in seconds since 1970.

    ``ready`` says that there is something to search; ``complete`` that the last update went to its
    end; ``usable`` which of the index's extractors a query can use on this machine.
    ``fingerprint`` changes whenever what can be found changes.
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
    updated: float | None
    images_folder: str
    cache: str
    fingerprint: str


def status_of(settings: Settings, snapshot: Snapshot, damage: str) -> Status:
    """The state of the index that ``snapshot`` is; loads no model."""
    usable, warnings = usable_extractors(settings, snapshot, damage)
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
        updated=snapshot.updated,
        images_folder=str(settings.images),
        cache=str(settings.cache),
        fingerprint=snapshot.fingerprint,
    )


def chooses_freely(settings: Settings) -> bool:
    """Whether the extractors are chosen by what can be had."""
    return settings.extractors.strip().lower() == AUTO


def is_outdated(settings: Settings, snapshot: Snapshot) -> bool:
    """Whether the index was made with other extractors than it would be now."""
    try:
        names = resolve(settings.extractors, fetch=False, timeout=0).names
    except ModelUnavailable:
        return True
    wanted = tuple((name, REGISTRY[name].model) for name in names)
    held = tuple((extractor.name, extractor.model) for extractor in snapshot.extractors)
    return wanted != held


def usable_extractors(
    settings: Settings, snapshot: Snapshot, damage: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The extractors of the index that a query can use here, and warnings about the others and
    about its ``damage``, if any."""
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
    warnings += _resolved(settings, usable if snapshot.images else None)
    if snapshot.images and not snapshot.complete:
        warnings.append("The last indexing was interrupted; reindex to go on where it stopped.")
    return tuple(usable), tuple(dict.fromkeys(warnings))


def _resolved(settings: Settings, used: list[str] | None) -> list[str]:
    """What the choice of extractors comes to on this machine now, against those in use."""
    try:
        resolution = resolve(settings.extractors, fetch=False, timeout=0)
    except ModelUnavailable as error:
        return [str(error)]
    unused = [name for name in resolution.names if used is not None and name not in used]
    return [
        *resolution.warnings,
        *(f"{name} is available but not in the index yet; reindex to use it." for name in unused),
    ]


def refuse_to_lose(settings: Settings, snapshot: Snapshot, names: tuple[str, ...]) -> None:
    """Refuse to throw away vectors of a model only because its weights cannot be had today, or
    because it was not named this time.

    Raises:
        ModelUnavailable: an index made with ``names`` would do so.
    """
    if not chooses_freely(settings):
        return
    held = [identity.name for identity in snapshot.extractors]
    lost = [
        name
        for name in held
        if name not in names and name in REGISTRY and REGISTRY[name].weights is not None
    ]
    if not lost or not snapshot.images:
        return
    unnamed = [name for name in lost if REGISTRY[name].variant_of]
    if unnamed == lost:
        raise ModelUnavailable(
            f"The index was made with {', '.join(unnamed)}, which is used only if it is named. "
            f"Set IMAGE_SEARCH_EXTRACTORS to {','.join(held)} to keep using it, or to "
            f"{','.join(names)} to rebuild the index with only these."
        )
    raise ModelUnavailable(
        f"The index was made with {', '.join(lost)}, whose weights are no longer here and "
        "cannot be fetched now. Run `image-search models fetch` where there is internet "
        "access, or set IMAGE_SEARCH_EXTRACTORS to "
        f"{','.join(names)} to rebuild the index with only these."
    )
