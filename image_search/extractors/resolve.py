"""Which extractors to use: what was chosen, against what is on disk or can be fetched in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_search.errors import ModelUnavailable, SettingsError
from image_search.extractors.registry import REGISTRY, ExtractorSpec
from image_search.extractors.weights.files import Weights

AUTO = "auto"


@dataclass(frozen=True)
class Resolution:
    """The extractors to use, in registry order for ``auto``, and warnings about it."""

    names: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def resolve(
    choice: str, *, fetch: bool, timeout: float, progress: bool | None = None
) -> Resolution:
    """Decide which extractors are used, downloading what is missing if ``fetch`` allows it.

    Args:
        choice: ``auto``, or names joined by commas.
        fetch: whether missing weights may be downloaded.
        timeout: seconds to wait for a hub to answer; all are asked at once.
        progress: whether downloads show a bar on standard error; None: if that is a terminal.

    Raises:
        SettingsError: ``choice`` names no extractor, or an unknown one.
        ModelUnavailable: a model that ``choice`` names is not available. ``auto`` does without it
            and ``Resolution.warnings`` says so.
    """
    automatic = _parse(choice) is None
    specs = chosen(choice)
    problems = _provide(specs, fetch=fetch, timeout=timeout, progress=progress)
    if problems and not automatic:
        raise ModelUnavailable(" ".join(problems.values()))
    return Resolution(
        names=tuple(spec.name for spec in specs if spec.name not in problems),
        warnings=tuple(f"Searching without {name}. {why}" for name, why in problems.items()),
    )


def chosen(choice: str) -> list[ExtractorSpec]:
    """The extractors that ``choice`` names; for ``auto`` all but those used only where named.

    Raises:
        SettingsError: ``choice`` names no extractor, or an unknown one.
    """
    names = _parse(choice)
    if names is None:
        return [spec for spec in REGISTRY.values() if not spec.variant_of]
    return [REGISTRY[name] for name in names]


def _parse(choice: str) -> tuple[str, ...] | None:
    """The names chosen, without repetitions; None for ``auto``."""
    names = tuple(dict.fromkeys(n for part in choice.lower().split(",") if (n := part.strip())))
    known = ", ".join(REGISTRY)
    if not names:
        raise SettingsError(f"No extractor is chosen; use {AUTO}, or some of: {known}.")
    if names == (AUTO,):
        return None
    if AUTO in names:
        raise SettingsError(f"{AUTO} cannot be combined with other names; use one or the other.")
    if unknown := [name for name in names if name not in REGISTRY]:
        raise SettingsError(f"There is no extractor {unknown[0]!r}; the extractors are: {known}.")
    return names


def _provide(
    specs: Sequence[ExtractorSpec], *, fetch: bool, timeout: float, progress: bool | None
) -> dict[str, str]:
    """See that the weights of these extractors are on disk; name to sentence where they are not."""
    problems: dict[str, str] = {}
    wanted: dict[str, Weights] = {}
    for spec in specs:
        if spec.weights is None or not (missing_reason := spec.weights.missing_reason()):
            continue
        reason = spec.weights.blocked_reason()
        if fetch and reason is None:
            wanted[spec.name] = spec.weights
        else:
            problems[spec.name] = _sentence(spec.weights, missing_reason, reason)
    if not wanted:
        return problems  # in the order of specs, as below
    # The network's libraries take a while to import, and are rarely needed.
    from image_search.extractors.weights import hub

    # All at once, so that several models cost one wait.
    findings = hub.probe([weights.url for weights in wanted.values()], timeout)
    for name, weights in wanted.items():
        if reason := findings[weights.url]:
            problems[name] = _sentence(weights, weights.missing_reason(), reason)
            continue
        try:
            weights.fetch(progress, timeout)
        except ModelUnavailable as error:
            problems[name] = str(error)
    return {spec.name: problems[spec.name] for spec in specs if spec.name in problems}


def _sentence(weights: Weights, missing_reason: str | None, reason: str | None) -> str:
    """What is missing, why, and what to do."""
    also = f", and {reason}" if reason else ""
    return f"{weights.title}: {missing_reason}{also}. {weights.hint()}"
