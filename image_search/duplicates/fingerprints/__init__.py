"""Fingerprints show whether two pictures are the same picture, edited.

Embeddings measure how *similar* pictures are; fingerprints show that they are *the same*: local
features whose positions agree, and perceptual hashes.
"""

from image_search.duplicates.fingerprints import agreement, replaced_regions, segments
from image_search.duplicates.fingerprints.agreement import SharedPart, difference
from image_search.duplicates.fingerprints.fingerprint import Fingerprint, fingerprint
from image_search.duplicates.fingerprints.index import FingerprintIndex
from image_search.duplicates.fingerprints.match import Match
from image_search.duplicates.fingerprints.matching import match, match_inverted
from image_search.duplicates.fingerprints.replaced_regions import ReplacedRegion, replaced_region
from image_search.duplicates.fingerprints.store import FingerprintStore

# How pictures are compared: changes whenever scores or decisions are made otherwise.
FINGERPRINT_VERSION = f"{segments.RECIPE}.{replaced_regions.RECIPE}.{agreement.RECIPE}"

__all__ = [
    "FINGERPRINT_VERSION",
    "Fingerprint",
    "FingerprintIndex",
    "FingerprintStore",
    "Match",
    "ReplacedRegion",
    "SharedPart",
    "difference",
    "fingerprint",
    "match",
    "match_inverted",
    "replaced_region",
]
