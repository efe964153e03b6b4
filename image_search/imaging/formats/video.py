"""Videos: a frame for each scene. Decoded by FFmpeg, through OpenCV, in a process of its own.

A scene begins where a frame differs from the first one of the scene before, both reduced to a few
samples, by more than frames of one scene do; so slow pans and fades count too. What is compared are
the key frames, which encoders put where the picture changes, and at least every few seconds. Where
they are further apart than ``_MAX_GAP``, the frames that others refer to are decoded as well.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.clock import clock
from image_search.imaging.formats.pages import SAME_FRAME, Budget, compared, difference, fullest
from image_search.imaging.formats.source import Limit, Part, Source

# Scenes of one file at most: those that differ most from the scene before.
MAX_SCENES: Final = 64
# Seconds of work, by all threads together, after which no further frame is looked at, and seconds
# altogether; the process is ended later.
MAX_SECONDS: Final = 24.0
MAX_WAIT: Final = 60.0
# Seconds between key frames beyond which other frames are looked at, and between two of these.
_MAX_GAP: Final = 2.0
_STEP: Final = 0.5
# Shortest side in pixels of the frames that are held until it is known which are kept.
_SIDE: Final = 400
# How much more two scenes must differ each time when there are too many.
_STRICTER: Final = 1.25
# Frames are numbered up to here (a day at 60 per second would be beyond it).
_MAX_NUMBER: Final = 999_998
# Frames per second where a file states none that can be right.
_USUAL_RATE: Final = 25.0
# Nothing but these containers is recognised, and nothing outside the file is opened.
_OPTIONS: Final = (
    "format_whitelist;mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi|protocol_whitelist;file|avdiscard;"
)
_OPTIONS_VARIABLE: Final = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
# What FFmpeg leaves out: nothing, all but key frames, or what no other frame refers to.
_NOTHING, _ALL_BUT_KEYS, _UNREFERRED = "default", "nonkey", "bidir"
# Brands of files that begin with "ftyp" and hold pictures or sound (ISO/IEC 14496-12).
_NO_VIDEO: Final = frozenset({
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2", b"avif",
    b"avis", b"avci", b"avcs", b"crx ", b"jp2 ", b"jpx ", b"jpm ", b"M4A ", b"M4B ", b"M4P ",
})  # fmt: skip
_VIDEO: Final = (
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41",
    b"mp42", b"mp71", b"avc1", b"hvc1", b"av01", b"qt  ", b"M4V ", b"M4VH", b"M4VP", b"MSNV",
    b"XAVC", b"dash", b"cmfc", b"f4v ", b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3g2a",
)  # fmt: skip
# The first boxes of QuickTime files without a brand.
_QUICKTIME: Final = frozenset({b"moov", b"mdat", b"wide"})
_MATROSKA: Final = b"\x1a\x45\xdf\xa3"


def is_video(data: bytes) -> bool:
    """Whether ``data`` begins like MP4, QuickTime, Matroska, WebM or AVI."""
    if data.startswith(_MATROSKA) or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return True
    if data[4:8] in _QUICKTIME:
        return True
    if data[4:8] != b"ftyp" or data[8:12] in _NO_VIDEO:
        return False
    brands = data[8 : min(256, int.from_bytes(data[:4], "big"))]
    return any(brands[at : at + 4] in _VIDEO for at in range(0, len(brands), 4))


@dataclass(frozen=True, eq=False)
class _Scene:
    """The frame of this ``number``, from 0, which begins a scene, reduced; and the few ``samples``
    by which it is compared."""

    number: int
    time: float
    image: Image.Image
    samples: Pixels


class _Film:
    """A video in a file that FFmpeg can open."""

    def __init__(self, path: str, limit: Limit) -> None:
        """See that it can be decoded.

        Raises:
            UnreadableImage: it cannot.
            ImageTooLarge: its frames have more pixels than the limit.
        """
        self._path, self._limit = path, limit
        with self._opened(_NOTHING) as capture:
            rate = capture.get(cv2.CAP_PROP_FPS)
            self._rate = rate if 0 < rate <= 1000 else _USUAL_RATE
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
            self.count = round(count) if 0 < count <= _MAX_NUMBER else 1
            if not capture.grab():
                raise UnreadableImage(
                    "The video is damaged or incomplete (no frame can be decoded)."
                )
            shown = _retrieved(capture)
            self.size = shown.shape[1], shown.shape[0]

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end, as far as they are stated."""
        return self.count / self._rate

    @contextlib.contextmanager
    def _opened(self, discarded: str) -> Iterator[cv2.VideoCapture]:
        # FFmpeg reads what it may do from here; this process does nothing else at the time.
        os.environ[_OPTIONS_VARIABLE] = _OPTIONS + discarded
        capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG)
        try:
            if not capture.isOpened():
                raise UnreadableImage(
                    "The video cannot be decoded: it is damaged or incomplete, or its codec is not "
                    "known here."
                )
            width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
            self._limit.check(int(width), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
            yield capture
        finally:
            capture.release()

    def _frames(
        self, discarded: str, step: float, budget: Budget
    ) -> Iterator[tuple[float, Pixels]]:
        """Frames and their times in seconds, as long as the ``budget`` lasts. Of frames that follow
        each other closely, some that are ``step`` apart; one that comes alone, such as the key
        frame at a cut, is always there."""
        last = before = -math.inf
        close = False
        with self._opened(discarded) as capture:
            while not budget.spent and capture.grab():
                at = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                was_close, close, before = close, at < before + step, at
                if close and was_close and at < last + step:
                    continue
                last = at
                with contextlib.suppress(UnreadableImage):
                    yield at, _retrieved(capture)

    def scenes(self) -> tuple[list[_Scene], float]:
        """The first frame of each scene, and the time in seconds up to which was looked."""
        budget = Budget(MAX_SECONDS, MAX_WAIT, time.process_time)
        times: list[float] = []

        def noted(frames: Iterable[tuple[float, Pixels]]) -> Iterator[tuple[float, Pixels]]:
            for at, shown in frames:
                times.append(at)
                yield at, shown

        scenes = self._begun(noted(self._frames(_ALL_BUT_KEYS, _STEP, budget)))
        ends = [*times[1:], max([self.duration, *times])] if times else []
        if max((end - at for at, end in zip(times, ends, strict=True)), default=9e9) > _MAX_GAP:
            keys, looked = scenes, list(times)
            times.clear()
            scenes = self._begun(noted(self._frames(_UNREFERRED, _STEP, budget)))
            reached = max(times, default=-1.0)
            if budget.spent:  # from there on the key frames have to do
                scenes += [scene for scene in keys if scene.time > reached + _STEP]
            times += looked
        self.count = max(self.count, *(round(at * self._rate) + 1 for at in (0.0, *times)))
        reached = max(times, default=0.0) if budget.spent else self.duration
        return scenes[:MAX_SCENES], reached

    def _begun(self, frames: Iterable[tuple[float, Pixels]]) -> list[_Scene]:
        """Those of ``frames`` with which a scene begins."""
        scenes: list[_Scene] = []
        least = SAME_FRAME
        for at, shown in frames:
            number = round(at * self._rate)
            samples = compared(shown)
            if number > _MAX_NUMBER:
                break
            if scenes and difference(scenes[-1].samples, samples) < least:
                continue
            scenes.append(_Scene(number, at, _reduced(shown), samples))
            while len(scenes) > 2 * MAX_SCENES:
                least *= _STRICTER
                scenes = _apart(scenes, least)
        while len(scenes) > MAX_SCENES:
            least *= _STRICTER
            scenes = _apart(scenes, least)
        return scenes

    def frames(self, numbers: Sequence[int]) -> Iterator[tuple[Part, Image.Image]]:
        """The frames of these ``numbers``, from 0, which ascend, at their full size.

        Raises:
            UnreadableImage: one of them cannot be decoded.
        """
        with self._opened(_NOTHING) as capture:
            for number in numbers:
                at = number / self._rate
                # A little before it, for what is asked for and what is found is rounded.
                capture.set(cv2.CAP_PROP_POS_MSEC, max(0.0, 1000 * (at - 1.5 / self._rate)))
                while capture.grab():
                    now = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                    if now > at - 0.5 / self._rate:
                        break
                else:
                    raise UnreadableImage(f"The video has no frame at {clock(at)}.")
                yield self.part(number, now), Image.fromarray(_retrieved(capture))

    def part(self, number: int, at: float) -> Part:
        """The frame of this ``number`` as a part of the file."""
        return Part("frame", number, max(self.count, number + 1), at)


def open_video(data: bytes, limit: Limit) -> Source:
    """The frame of a video that shows most as a picture, and the first ones of the other scenes as
    its parts.

    Raises:
        UnreadableImage: it is damaged, or its codec is not known.
        ImageTooLarge: its frames have more pixels than the limit.
    """
    with _as_file(data) as path:
        film = _Film(path, limit)
        scenes, looked_at = film.scenes()
    if not scenes:
        raise UnreadableImage("The video is damaged or incomplete (no frame can be decoded).")
    known = {scene.number: scene for scene in scenes}
    main = scenes[fullest(scene.image for scene in scenes)]

    def load(side: int | None) -> Image.Image:
        if side is not None and side <= _SIDE:
            return main.image
        return next(frames_of(data, limit, [main.number]))[1]

    def parts(numbers: Sequence[int]) -> Iterator[tuple[Part, Image.Image]]:
        for number in numbers:
            scene = known[number]
            yield film.part(number, scene.time), scene.image

    note = f"at {clock(main.time)} of {clock(film.duration)}"
    if looked_at < film.duration:
        note += f" (searched up to {clock(looked_at)})"
    part = film.part(main.number, main.time)
    return Source(
        film.size, load, note, 1, partial=True, part=part, parts=parts, numbers=tuple(known)
    )


def frames_of(
    data: bytes, limit: Limit, numbers: Sequence[int]
) -> Iterator[tuple[Part, Image.Image]]:
    """The frames of a video with these ``numbers``, from 0, which ascend.

    Raises:
        UnreadableImage, ImageTooLarge: as for ``open_video``; or there is no such frame.
    """
    with _as_file(data) as path:
        yield from _Film(path, limit).frames(numbers)


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """The path of a file that holds ``data`` for the time being: in memory where the system can."""
    in_memory = getattr(os, "memfd_create", None)
    if in_memory is not None:
        with os.fdopen(in_memory("video"), "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory(prefix="image-search-") as folder:
        path = Path(folder) / "video"
        path.write_bytes(data)
        yield str(path)


def _retrieved(capture: cv2.VideoCapture) -> Pixels:
    """The frame that was grabbed, as RGB pixels.

    Raises:
        UnreadableImage: it is damaged.
    """
    found, shown = capture.retrieve()
    if not found:
        raise UnreadableImage("A frame of the video is damaged.")
    return np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2RGB), np.uint8)


def _apart(scenes: Iterable[_Scene], least: float) -> list[_Scene]:
    """Those scenes that differ by at least so much from the last one that is left before."""
    left: list[_Scene] = []
    for scene in scenes:
        if not left or difference(left[-1].samples, scene.samples) >= least:
            left.append(scene)
    return left


def _reduced(shown: Pixels) -> Image.Image:
    scale = _SIDE / min(shown.shape[:2])
    if scale >= 1:
        return Image.fromarray(shown)
    size = max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale))
    small = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    return Image.fromarray(np.asarray(small, np.uint8))
