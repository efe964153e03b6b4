"""What a pickle of ours may be made of, looked at before a single value is built.

The unpickler of CPython allocates what a pickle claims: one instruction of five bytes makes it
clear gigabytes for its memo, and references within references make a file of a kilobyte a value
that takes hours to walk through. Caches of this program need a fraction of the instructions
(``pickletools`` describes them all), so everything else is refused, and what is left is counted.
"""

from __future__ import annotations

import re
from typing import Any

from image_search.errors import CacheDamaged

# Instructions in one file: several times as many as those of the largest segment. A value takes at
# most some 60 bytes beyond its own content, so this bounds the memory too.
MOST_INSTRUCTIONS = 32_000_000
# Lists, tuples and dictionaries in one file, and within one another.
MOST_CONTAINERS = 1_000_000
DEEPEST = 8
# Bytes of a whole number: sizes and times have 8.
_LONGEST_NUMBER = 255

_STOP, _NUMBER = b".\x8a"
# Instructions with a fixed number of bytes, counted with their operand.
_FIXED = {
    b"\x80": 2, b"\x95": 9, b"(": 1, b"N": 1, b"\x88": 1, b"\x89": 1, b"K": 2, b"M": 3, b"J": 5,
    b"G": 9, b"]": 1, b"}": 1, b")": 1, b"a": 1, b"e": 1, b"s": 1, b"u": 1, b"t": 1, b"\x85": 1,
    b"\x86": 1, b"\x87": 1, b"\x94": 1, b"h": 2, b"j": 5,
}  # fmt: skip
# Instructions whose operand begins with its own length, of so many bytes.
_LENGTHS = {
    b"\x8a": 1, b"\x8c": 1, b"X": 4, b"\x8d": 8, b"C": 1, b"B": 4, b"\x8e": 8,
}  # fmt: skip
_SIZES = [_FIXED.get(bytes([code]), 0) for code in range(256)]
_WIDTHS = [_LENGTHS.get(bytes([code]), 0) for code in range(256)]
_NESTING = frozenset(b"]}t\x85\x86\x87")

# A run of short texts and of digests, which are nearly all of a large file, in one step.
_RUN = 512
_SHORT = b"|".join(re.escape(bytes([n])) + b".{%d}" % n for n in range(256))
_TEXTS = re.compile(b"(?:C\x20.{32}\x94|\x8c(?:%s)\x94){1,%d}" % (_SHORT, _RUN), re.DOTALL)
_STARTS = frozenset(b"C\x8c")


def check(data: bytes) -> None:
    """See that ``data`` is one whole pickle of plain values, bounded in what it makes.

    Raises:
        CacheDamaged: it is truncated, or holds an instruction that no cache of this program needs,
            or too many.
    """
    at = count = containers = 0
    sizes, widths, end = _SIZES, _WIDTHS, len(data)
    while at < end:
        code = data[at]
        count += 1
        if code in _STARTS and (texts := _TEXTS.match(data, at)):
            at = texts.end()
            count += 2 * _RUN if len(texts[0]) > 2 * _RUN else len(texts[0])
        elif sizes[code]:
            containers += code in _NESTING
            at += sizes[code]
        elif widths[code]:
            start = at + 1 + widths[code]
            length = int.from_bytes(data[at + 1 : start], "little")
            if code == _NUMBER and length > _LONGEST_NUMBER:
                raise CacheDamaged("it holds a number that is too long")
            at = start + length
        elif code == _STOP and at + 1 == end:
            return
        else:
            raise CacheDamaged(
                f"it holds an instruction ({code:#04x}) that no cache of this program needs, which "
                "was not run; the file should not be trusted"
            )
        if count > MOST_INSTRUCTIONS or containers > MOST_CONTAINERS:
            raise CacheDamaged("it holds more values than a cache can")
    raise CacheDamaged("it is not a whole pickle (it ends too early)")


def check_nesting(value: Any) -> None:
    """See that no container of ``value`` is in two places, or too deep within others.

    Raises:
        CacheDamaged: one is.
    """
    seen: set[int] = set()
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for container in level:
            if id(container) in seen:
                raise CacheDamaged("it holds one value in several places")
            inner = _inside(container)
            if inner is not None and container:
                seen.add(id(container))
                below += inner
        if not below:
            return
        level = below
    raise CacheDamaged("its values are nested too deeply")


def _inside(value: Any) -> list[Any] | None:
    """The containers within a container; ``None`` where ``value`` is none."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return None
    # A million texts in one list hold no container; that is seen at the speed of C.
    if not {dict, list, tuple} & set(map(type, value)):
        return []
    return [one for one in value if isinstance(one, (dict, list, tuple))]
