"""Vectors and records to disk and back.

``image_features.pkl`` is a small pickle that names immutable *segments*, each a pickle of records
with a *column* of vectors for each extractor beside it. An update writes new segments and then
replaces the small pickle in one rename, so a crash at any instant leaves the previous index whole,
and an update costs what changed. An extractor is added or removed by adding or removing its column
of every segment.
"""

from image_search.storage.columns import Block, Blocks
from image_search.storage.records import ExtractorIdentity, FileRecord, Records, Region
from image_search.storage.segments import Segment
from image_search.storage.snapshot import Snapshot, read_cache, read_snapshot
from image_search.storage.writer import CacheWriter

__all__ = [
    "Block",
    "Blocks",
    "CacheWriter",
    "ExtractorIdentity",
    "FileRecord",
    "Records",
    "Region",
    "Segment",
    "Snapshot",
    "read_cache",
    "read_snapshot",
]
