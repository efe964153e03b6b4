"""Shares and chances as a designer reads them: out of a hundred, rounded in one way."""

from __future__ import annotations

import math

# The share of other pictures called copies from which on these are no errors: a collection so made
# holds many versions of its pictures.
VERSIONS = 0.1


def of_hundred(share: float) -> str:
    """How many of a hundred a ``share`` (0 to 1) is, in whole numbers: ``less than 1``, ``6``,
    ``more than 99``. What is certain, and only that, is 0 or 100."""
    whole = math.floor(100 * share + 0.5)
    if whole < 1:
        return "less than 1" if share > 0 else "0"
    if whole > 99:
        return "more than 99" if share < 1 else "100"
    return str(whole)


def percent(share: float) -> str:
    """A ``share``, such as a similarity, in whole percent: ``39 %``. 100 % is only all of it."""
    if 0 < share < 0.005:
        return "under 1 %"
    return f"{max(0, min(math.floor(100 * share + 0.5), 99 if share < 0.9995 else 100))} %"


def capitalised(text: str) -> str:
    """``text`` as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def copies(misses: float, false_alarms: float, measured_on: int) -> str:
    """Return a sentence on how often a verdict on copies errs."""
    # None missed in so many tries: as likely as not, it is rarer than this.
    misses = max(misses, math.log(2) / max(measured_on, 1))
    missed = f"Of 100 edited copies, {of_hundred(misses)} would be missed"
    measured = f"(measured on {measured_on:,} edited copies of pictures of this collection)"
    if false_alarms >= VERSIONS:
        return (
            f"{missed} {measured}. Many pictures of this collection are versions of one another, "
            f"such as colourways: {of_hundred(false_alarms)} of 100 match another one as a copy "
            "would."
        )
    alarms = of_hundred(false_alarms)
    return f"{missed}; of 100 other pictures, {alarms} would be called a copy {measured}."


def possible(count: int, chance: float | None) -> str:
    """The verdict on a drawing whose design is one of ``count`` images, if it is here."""
    among = "it is this one" if count == 1 else f"it is among these {count}"
    look = "look at it" if count == 1 else "look at them"
    if not count:
        return "nothing can be said about this drawing"
    often = "" if chance is None else f" (in {of_hundred(chance)} of 100 cases)"
    return f"if this design is here, {among}{often}; {look}"


def drawings(chance: float, count: int, measured_on: int) -> str:
    """Return a sentence on how sure it is that a drawn design is among ``count`` images."""
    among = "this image" if count == 1 else f"these {count} images"
    return (
        f"Of 100 drawings of designs that are here, {of_hundred(chance)} would find theirs among "
        f"{among} (measured on {measured_on:,} drawings made of pictures of this collection; "
        "drawings by people count as harder)."
    )


def new_drawing(promised: float, measured_on: int) -> str:
    """How sure it is that a drawn design is new."""
    return (
        f"Of 100 drawings of designs that are here, at most {of_hundred(promised)} would be called "
        f"new (measured on {measured_on:,} drawings made of pictures of this collection)."
    )
