"""Vectors and records to disk and back.

``image_features.pkl`` is a small pickle that names immutable *segments*, each a pickle of records
with its vectors beside it as a raw buffer. An update writes new segments and then replaces the
small pickle in one rename, so a crash at any instant leaves the previous index whole, and an
update costs what changed.
"""

from image_search.storage.records import ExtractorIdentity, FileRecord, Records
from image_search.storage.segments import Segment
from image_search.storage.snapshot import Snapshot, read_cache, read_snapshot
from image_search.storage.writer import CacheWriter

__all__ = [
    "CacheWriter",
    "ExtractorIdentity",
    "FileRecord",
    "Records",
    "Segment",
    "Snapshot",
    "read_cache",
    "read_snapshot",
]
