"""Of a video the frames at which scenes begin are found, within bounds, and nothing else of it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from image_search.errors import ImageTooLarge, NotAnImage, UnreadableImage
from image_search.imaging.clock import clock
from image_search.imaging.decoding import decode, pixel_digest
from image_search.imaging.endings import with_matching_ending
from image_search.imaging.formats import sandbox, video
from image_search.imaging.formats.source import Limit
from image_search.imaging.formats.video import is_video, open_video
from image_search.imaging.parts import decode_numbered, decode_part, decode_parts
from tests.drawing import picture
from tests.videos import RATE, film, scene, writer_of

KINDS = ("mp4", "mov", "m4v", "mkv", "webm", "avi")


def shows(pixels: np.ndarray, seed: int) -> bool:
    expected = np.asarray(scene(seed), float)
    return bool(np.abs(pixels.astype(float) - expected).mean() < 14)


@pytest.mark.parametrize("kind", KINDS)
def test_each_scene_gives_a_frame(tmp_path: Path, kind: str) -> None:
    data = film(tmp_path / f"film.{kind}", [1, 2, 3, 4])

    found = decode_parts(data, max_megapixels=1)

    assert is_video(data)
    assert (found[0].width, found[0].height) == (320, 240)
    parts = sorted((one.part for one in found if one.part), key=lambda part: part.number)
    assert [round(part.time) for part in parts] == [0, 2, 4, 6]
    assert [part.number for part in parts] == pytest.approx([0, 20, 40, 60], abs=1)
    for one in found:
        assert one.part is not None
        assert one.part.kind == "frame"
        assert shows(one.pixels, 1 + round(one.part.time) // 2)
    assert found[0].note == f"at {clock(found[0].part.time if found[0].part else -1)} of 0:08"


def test_what_changes_between_key_frames_that_are_far_apart_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mp4"
    writer = writer_of(path, 1.0)
    first, last = (np.asarray(scene(seed), float)[..., ::-1] for seed in (1, 2))
    for share in np.linspace(0, 1, 11):  # ten seconds with one key frame
        writer.write((first + share * (last - first)).astype(np.uint8))
    writer.release()

    times, _ = scenes_of(path.read_bytes(), tmp_path)
    assert max(times) >= 8

    monkeypatch.setattr(video, "_MAX_GAP", 60.0)
    assert scenes_of(path.read_bytes(), tmp_path)[0] == [0.0], "which key frames alone do not show"


def scenes_of(data: bytes, place: Path) -> tuple[list[float], float]:
    path = place / "again"
    path.write_bytes(data)
    scenes, looked_at = video._Film(str(path), Limit(1)).scenes()
    return [one.time for one in scenes], looked_at


def test_a_frame_is_found_again_by_its_number(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4", [1, 2, 3, 4])
    found = decode_parts(data, max_megapixels=1)
    numbers = [one.part.number + 1 for one in found if one.part]

    again = decode_numbered(data, numbers, max_megapixels=1)

    assert sorted(again) == sorted(numbers)
    for number, one in zip(numbers, found, strict=True):
        assert np.abs(again[number].pixels.astype(int) - one.pixels).mean() < 3
    with pytest.raises(UnreadableImage, match="no frame at 1:40"):
        decode_part(data, 1001, max_megapixels=1, side=100)


def test_a_frame_comes_at_the_size_that_is_asked_for(tmp_path: Path) -> None:
    data = film(tmp_path / "film.avi", [1, 2], 1.0, (1280, 960))

    assert decode_parts(data, max_megapixels=2)[1].pixels.shape == (384, 512, 3)
    assert decode_part(data, 11, max_megapixels=2, side=960).pixels.shape == (960, 1280, 3)
    assert decode(data, max_megapixels=2, side=960).pixels.shape == (960, 1280, 3)


def test_a_video_has_a_bounded_number_of_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = film(tmp_path / "film.avi", list(range(100, 130)), 0.5)
    monkeypatch.setattr(video, "MAX_SCENES", 5)
    times, looked_at = scenes_of(data, tmp_path)

    assert 1 <= len(times) <= 5
    assert looked_at == pytest.approx(15)


def test_looking_through_a_video_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = film(tmp_path / "film.avi", [1, 2, 3, 4])
    seconds = iter(range(1000))
    monkeypatch.setattr("time.process_time", lambda: next(seconds))

    source = open_video(data, Limit(1))

    assert source.note.startswith("at 0:00 of 0:08 (searched up to 0:0")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_video_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    data = film(tmp_path / f"film.{kind}", [1, 2])
    head = data[:40]
    noise = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
    for damaged in (head, head + noise):
        with pytest.raises(UnreadableImage, match=r"[Vv]ideo"):
            decode_parts(damaged, max_megapixels=1, name=f"film.{kind}")
    with pytest.raises(UnreadableImage, match=f"not a video, .* like one .\\(?.{kind}"):
        decode(noise, max_megapixels=1, name=f"film.{kind}")


def test_a_video_that_is_still_being_written_shows_what_is_there(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mkv", [1, 2, 3, 4])

    some = decode_parts(data[: len(data) // 2], max_megapixels=1)

    assert 1 <= len(some) < 4


def test_a_video_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = film(tmp_path / "film.mp4", [1])
    monkeypatch.setattr(sandbox, "VIDEO_SECONDS", 0.0)

    with pytest.raises(UnreadableImage, match="The video takes more than 0 seconds to be read"):
        decode(data, max_megapixels=1)


def test_large_frames_are_refused(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4", [1])

    with pytest.raises(ImageTooLarge, match="320 x 240 pixels"):
        decode(data, max_megapixels=0.05)


def test_a_video_proves_nothing_about_its_other_frames(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage):
        pixel_digest(film(tmp_path / "film.mp4", [1]), max_megapixels=1)


def test_a_query_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="send a still"):
        decode(film(tmp_path / "film.mp4", [1]), max_megapixels=1, stills=True)


def test_nothing_but_the_file_is_opened(tmp_path: Path) -> None:
    """A playlist, and an MP4 that refers to another file, give nothing of it."""
    secret = tmp_path / "secret.mp4"
    film(secret, [1])
    playlist = f"#EXTM3U\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    ffconcat = f"ffconcat version 1.0\nfile {secret}\n".encode()
    for data in (playlist, ffconcat):
        assert not is_video(data)
        with pytest.raises(UnreadableImage):
            decode(data, max_megapixels=1, name="film.mp4")
        # Behind the first bytes of a video, too.
        disguised = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + data
        with pytest.raises(UnreadableImage, match="video"):
            decode(disguised, max_megapixels=1)
        with pytest.raises(UnreadableImage, match="cannot be decoded"):
            open_video(data, Limit(1))


@pytest.mark.parametrize("brand", [b"heic", b"avif", b"M4A ", b"crx "])
def test_pictures_and_sound_in_the_same_container_are_no_videos(brand: bytes) -> None:
    data = struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, b"isom") + b"\0" * 100
    assert not is_video(data)


def test_an_uploaded_video_keeps_its_name(tmp_path: Path) -> None:
    for kind in KINDS:
        data = film(tmp_path / f"film.{kind}", [1], 0.5)
        assert with_matching_ending(f"film.{kind}", data) == f"film.{kind}"
    assert with_matching_ending("film.jpg", data) == "film.avi"
    assert with_matching_ending("ring.mp4", picture(1)) == "ring.mp4.png"


def test_other_videos_are_no_images() -> None:
    with pytest.raises(NotAnImage):
        decode(b"\0\0\1\xba" + bytes(1000), max_megapixels=1, name="film.mpg")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (12.9, "0:12"), (75, "1:15"), (3787, "1:03:07")]
)
def test_times_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert clock(seconds) == text


assert RATE == 10, "numbers and times above are those of ten frames a second"
