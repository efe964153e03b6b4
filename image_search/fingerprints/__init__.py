"""Fingerprints tell whether two pictures are the same picture, edited.

Embeddings say how *similar* pictures are; fingerprints say that they are *the same*: local features
whose positions agree, and perceptual hashes.
"""

from image_search.fingerprints.fingerprint import Fingerprint, fingerprint
from image_search.fingerprints.index import FingerprintIndex
from image_search.fingerprints.match import Match
from image_search.fingerprints.matching import match
from image_search.fingerprints.store import FingerprintStore

__all__ = [
    "Fingerprint",
    "FingerprintIndex",
    "FingerprintStore",
    "Match",
    "fingerprint",
    "match",
]
