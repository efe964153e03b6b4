"""Which extractors to use: what was chosen, against what is on disk or can be fetched in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_search.errors import ModelUnavailable, SettingsError
from image_search.extractors.model_sets import SETS
from image_search.extractors.registry import REGISTRY, ExtractorSpec
from image_search.extractors.weights.files import Weights
from image_search.settings import AUTO, Settings


@dataclass(frozen=True)
class Resolution:
    """The extractors to use, in the order in which they were named, and warnings about it.

    ``notes`` are those of the warnings that need no attention: a model of the chosen set is not on
    this machine, and the others serve.
    """

    names: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def resolve(
    choice: str, *, fetch: bool, timeout: float, progress: bool | None = None
) -> Resolution:
    """Decide which extractors are used, downloading what is missing if ``fetch`` allows it.

    Args:
        choice: the name of a set of models, ``auto`` for the first of them, or names of extractors
            joined by commas.
        fetch: whether missing weights may be downloaded.
        timeout: seconds to wait for a hub to answer; all are asked at once.
        progress: whether downloads show a bar on standard error; None: if that is a terminal.

    Raises:
        SettingsError: ``choice`` names no extractor, or an unknown one.
        ModelUnavailable: a model that ``choice`` names is not available. A set does without it
            and ``Resolution.warnings`` says so.
    """
    automatic = _set_of(choice) is not None
    specs = chosen(choice)
    problems = _provide(specs, fetch=fetch, timeout=timeout, progress=progress)
    if problems and not automatic:
        raise ModelUnavailable(" ".join(problems.values()))
    warnings = {name: f"Searching without {name}. {why}" for name, why in problems.items()}
    return Resolution(
        names=tuple(spec.name for spec in specs if spec.name not in problems),
        warnings=tuple(warnings.values()),
        notes=tuple(text for name, text in warnings.items() if _is_absent(REGISTRY[name])),
    )


def chosen(choice: str) -> list[ExtractorSpec]:
    """The extractors that ``choice`` names: those of a set, or one by one.

    Raises:
        SettingsError: ``choice`` names no extractor, or an unknown one.
    """
    return [REGISTRY[name] for name in _set_of(choice) or _names_in(choice)]


def check_choice(settings: Settings) -> None:
    """Refuse settings that name no extractors, or contradict each other about them.

    Raises:
        SettingsError: see above.
    """
    if settings.automatic:
        return
    names, wanted = _names_in(settings.extractors), SETS[settings.models]
    for name in names:
        if name in SETS:
            raise SettingsError(
                f"{name} is a set of models; set IMAGE_SEARCH_MODELS to it instead of "
                "IMAGE_SEARCH_EXTRACTORS."
            )
    if unknown := [name for name in names if name not in REGISTRY]:
        raise _unknown(unknown[0])
    # The first is the default: whoever has not set it has not contradicted it.
    others = [name for name in names if name not in wanted.extractors]
    if others and wanted is not next(iter(SETS.values())):
        raise SettingsError(
            f"IMAGE_SEARCH_EXTRACTORS names {others[0]}, which is not in the set of models "
            f"{wanted.name} that IMAGE_SEARCH_MODELS names; unset one of the two. In that set "
            f"are: {', '.join(wanted.extractors)}."
        )


def _set_of(choice: str) -> tuple[str, ...] | None:
    """The extractors of the set that ``choice`` names; None where it names extractors."""
    name = choice.strip().lower()
    found = next(iter(SETS.values())) if name == AUTO else SETS.get(name)
    return None if found is None else found.extractors


def _names_in(choice: str) -> tuple[str, ...]:
    """The names chosen one by one, without repetitions."""
    names = tuple(dict.fromkeys(n for part in choice.lower().split(",") if (n := part.strip())))
    if not names:
        raise SettingsError(
            f"No extractor is chosen; use {AUTO}, or some of: {', '.join(REGISTRY)}."
        )
    if len(names) > 1 and AUTO in names:
        raise SettingsError(f"{AUTO} cannot be combined with other names; use one or the other.")
    if unknown := [name for name in names if name not in REGISTRY and name not in SETS]:
        raise _unknown(unknown[0])
    if len(names) > 1 and (sets := [name for name in names if name in SETS]):
        raise SettingsError(
            f"{sets[0]} is a set of models and cannot be combined with other names."
        )
    return names


def _unknown(name: str) -> SettingsError:
    return SettingsError(
        f"There is no extractor {name!r}; the extractors are: {', '.join(REGISTRY)}."
    )


def _is_absent(spec: ExtractorSpec) -> bool:
    """Whether its weights are simply not there, rather than damaged."""
    return spec.weights is not None and spec.weights.path() is None


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
