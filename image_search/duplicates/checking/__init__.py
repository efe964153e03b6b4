"""Has this been drawn before? A verdict on one picture, with its evidence and its error rates."""

from image_search.duplicates.checking.checker import Checker
from image_search.duplicates.checking.report import Checked, Failed
from image_search.duplicates.checking.verdict import (
    EXACT,
    EXISTING,
    NEAR,
    NEW,
    POSSIBLE,
    SIMILAR,
    WORDS,
    Certainty,
    CheckHit,
    CheckResult,
    Evidence,
    to_plain,
)

__all__ = [
    "EXACT",
    "EXISTING",
    "NEAR",
    "NEW",
    "POSSIBLE",
    "SIMILAR",
    "WORDS",
    "Certainty",
    "CheckHit",
    "CheckResult",
    "Checked",
    "Checker",
    "Evidence",
    "Failed",
    "to_plain",
]
