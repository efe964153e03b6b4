"""Whether the files of the index itself are as they were written: manifest, records, columns, and
the codes derived from them. Nothing is changed, and no lock is taken."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from image_search.errors import CacheDamaged, CacheError, NewerCache, NotACache
from image_search.maintenance.damage import (
    CODES,
    COLUMN,
    MANIFEST,
    RECORDS,
    RESERVE,
    Damage,
    Verified,
)
from image_search.storage import ExtractorIdentity, Segment, safe_pickle
from image_search.storage import segments as stored
from image_search.storage.columns import COLUMN as COLUMN_ENDING
from image_search.storage.columns import (
    DESCRIPTION,
    Column,
    Description,
    described,
    key_of,
    row_of,
)
from image_search.storage.migrations import MIGRATIONS
from image_search.storage.records import identities
from image_search.storage.segments import RECORDS as RECORDS_ENDING
from image_search.storage.snapshot import FORMAT, NEWER, SCHEMA, mask_of, segment_folder

# Bytes read at a time.
_CHUNK = 1 << 24
_MALFORMED = (KeyError, TypeError, ValueError, OverflowError, IndexError)


class Manifest:
    """What a manifest names, read with no regard to whether that is there.

    ``used`` are the extractors of searches, those that are being added and those beside them;
    ``needed`` the first of these.
    """

    def __init__(self, cache: Path) -> None:
        """Read ``cache``.

        Raises:
            FileNotFoundError: it is not there.
            CacheDamaged: it is damaged, or another file.
            CacheError: it is of an earlier release or a newer one, or cannot be read.
        """
        self.plain: Any = load_manifest(cache)
        try:
            self.needed = identities(self.plain["extractors"])
            others = (*identities(self.plain["wanted"]), *identities(self.plain.get("beside", ())))
            self.used = tuple(dict.fromkeys((*self.needed, *others)))
            rows = [*self.plain["segments"], *self.plain["pending"]]
            self.rows: dict[str, tuple[int, bytes]] = {
                str(name): (int(count), bytes(bits)) for name, count, bits in rows
            }
            self.pending = {str(row[0]) for row in self.plain["pending"]}
        except _MALFORMED as error:
            raise CacheDamaged(f"its content is malformed ({error})") from error


def load_manifest(cache: Path) -> Any:
    """The plain values of a manifest of the present form. Raises what ``Manifest`` does."""
    plain = safe_pickle.load(cache)
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise NotACache("it is another file of this program")
    schema = plain.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise NewerCache(f"The index {cache} cannot be used: {NEWER.format(schema, SCHEMA)}.")
    if schema in MIGRATIONS:
        raise CacheError(
            f"The index {cache} is of an earlier release. Start the service, or run image-search "
            "index: both upgrade it."
        )
    if schema != SCHEMA:
        raise CacheDamaged(f"it has schema {schema}, this version reads schema {SCHEMA}")
    return plain


def verify_index(cache: Path, verified: Verified) -> None:
    """Look at the manifest ``cache`` and all that it names; where it is damaged, at all segments
    that there are.

    Raises:
        CacheError: there is no index, it is of another release, or it cannot be read.
    """
    folder = segment_folder(cache)
    verified.files += 1
    try:
        manifest: Manifest | None = Manifest(cache)
        assert manifest is not None
        names: Iterable[str] = manifest.rows
    except (CacheDamaged, FileNotFoundError) as error:
        paths = sorted(folder.glob("*" + RECORDS_ENDING))
        if isinstance(error, FileNotFoundError) and not paths:
            raise CacheError(
                f"There is no index {cache}; name another one with --cache or IMAGE_SEARCH_CACHE."
            ) from None
        if isinstance(error, NotACache) and not paths:
            raise NotACache(
                f"The file {cache} is not an index of this program ({error}); name another one "
                "with --cache or IMAGE_SEARCH_CACHE."
            ) from None
        problem = str(error) if isinstance(error, CacheDamaged) else "it is missing"
        cost = "it is made again from the segments, and the scores are adjusted again"
        verified.damage.append(Damage(MANIFEST, cache, problem, cost))
        manifest, names = None, [path.name.removesuffix(RECORDS_ENDING) for path in paths]
    files = {name: _files_of(folder, name) for name in names}
    to_read = [path for found in files.values() for path in found if verified.depth.covers(path)]
    verified.bytes_to_read += sum(map(_size, to_read))
    for name, found in files.items():
        _Segment(folder, name, manifest, verified).verify(found)
    _forget_what_changed(cache, manifest, verified)


def _forget_what_changed(cache: Path, manifest: Manifest | None, verified: Verified) -> None:
    """Drop damage of segments that an update has merged into others, or is adding columns to, since
    the manifest was read."""
    if manifest is None or not any(one.segment for one in verified.damage):
        return
    try:
        now = Manifest(cache)
    except (CacheDamaged, FileNotFoundError):
        return
    if now.plain == manifest.plain:
        return
    verified.damage[:] = [
        one
        for one in verified.damage
        if not one.segment
        or (one.segment in now.rows and not (one.kind == COLUMN and one.segment in now.pending))
    ]


class _Segment:
    """One segment that is being verified."""

    def __init__(
        self, folder: Path, name: str, manifest: Manifest | None, verified: Verified
    ) -> None:
        self._folder, self._name = folder, name
        self._manifest, self._verified = manifest, verified

    def verify(self, files: Mapping[Path, str]) -> None:
        """Look at the records and at ``files``, each a column or codes, by its ending."""
        records, verified = self._folder / (self._name + RECORDS_ENDING), self._verified
        verified.files += 1
        try:
            segment = stored.read_segment(self._folder, self._name)
            if self._manifest is not None:
                live = mask_of(segment, *self._manifest.rows[self._name])
                verified.images += int((live & (segment.records.verdicts == 0)).sum())
        except (CacheDamaged, FileNotFoundError) as error:
            count = self._manifest.rows[self._name][0] if self._manifest else 0
            cost = f"its {count:,} files are" if count else "its files are"
            remove = (records, *files)
            self._note(RECORDS, records, error, f"{cost} embedded again", remove)
            return
        for key, extractor in self._columns(segment, files).items():
            self._column(segment, key, extractor)
        for path, ending in files.items():
            if ending == stored.CODES:
                self._codes(path)

    def _columns(
        self, segment: Segment, files: Mapping[Path, str]
    ) -> dict[str, ExtractorIdentity | None]:
        """The extractors by the keys of the columns that are there, or should be."""
        manifest = self._manifest
        needed: tuple[ExtractorIdentity, ...] = ()
        if manifest is not None and self._name not in manifest.pending:
            needed = manifest.needed
        known = {key_of(one): one for one in (*segment.born, *(manifest.used if manifest else ()))}
        found = {key_of(one) for one in needed}
        for path, ending in files.items():
            if ending in (COLUMN_ENDING, DESCRIPTION):
                found.add(path.name.split(".")[1])
        self._needed = {key_of(one) for one in needed}
        return {key: known.get(key) for key in sorted(found)}

    def _column(self, segment: Segment, key: str, extractor: ExtractorIdentity | None) -> None:
        column = self._folder / f"{self._name}.{key}{COLUMN_ENDING}"
        description = column.with_name(f"{self._name}.{key}{DESCRIPTION}")
        path, needed = column, key in self._needed
        read = self._verified.looked_at(column)
        try:
            if description.exists():
                self._verified.files += 1
                known = described(description)
                if known is None or key_of(known.extractor) != key:
                    path = description
                    raise CacheDamaged("it is damaged, so that the column beside it is of no use")
                extractor, checksum = known.extractor, known.checksum
                if known.written != segment.rows:
                    if needed:
                        raise CacheDamaged("it is incomplete")
                    if read:
                        self._verify_beginning(column, known)
                    return
            elif extractor is not None and extractor in segment.born:
                checksum = segment.born[extractor]
            elif needed:
                path = description
                raise CacheDamaged("it is missing")
            else:
                return  # left over by an interruption
            opened = Column(self._folder, self._name, extractor, segment.rows, checksum)
            if read:
                opened.verify()
                self._verified.read(opened.nbytes)
        except (CacheDamaged, FileNotFoundError) as error:
            used = needed or self._manifest is None or extractor in self._manifest.used
            name = "" if extractor is None else f"{extractor.name} "
            cost = f"the {name}vectors of {len(segment.records):,} files are "
            cost += "computed again" if used else "lost; no search uses them now"
            self._note(COLUMN if used else RESERVE, path, error, cost, (column, description))

    def _verify_beginning(self, path: Path, known: Description) -> None:
        """Compare the rows of a column that is being added with the checksum of those so far."""
        left, checksum = known.written * row_of(known.extractor).itemsize, 0
        with path.open("rb") as file:
            while left and (piece := file.read(min(left, _CHUNK))):
                checksum, left = zlib.crc32(piece, checksum), left - len(piece)
                self._verified.read(len(piece))
        if left or checksum != known.checksum:
            raise CacheDamaged("its vectors do not match their checksum")

    def _codes(self, path: Path) -> None:
        try:
            if self._verified.looked_at(path):
                safe_pickle.load(path)
                self._verified.read(_size(path))
            else:
                safe_pickle.check_length(path)
        except FileNotFoundError:
            pass  # replaced by others since
        except CacheDamaged as error:
            self._note(CODES, path, error, "they are made again at the next search", (path,))

    def _note(
        self, kind: str, path: Path, error: Exception, cost: str, remove: tuple[Path, ...]
    ) -> None:
        problem = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
        self._verified.damage.append(Damage(kind, path, problem, cost, remove, self._name))


def _files_of(folder: Path, name: str) -> dict[Path, str]:
    """The columns, descriptions and codes of a segment, each with its ending."""
    if not (name.isalnum() and name.isascii()):
        return {}  # no segment is called so
    return {path: ending for path in sorted(folder.glob(f"{name}.*")) for ending in _endings(path)}


def _endings(path: Path) -> Iterator[str]:
    for ending in (DESCRIPTION, COLUMN_ENDING, stored.CODES):
        if path.name.endswith(ending):
            yield ending
            return


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
