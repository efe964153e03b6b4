"""One decode costs what the settings allow, whatever the file claims."""

from __future__ import annotations

import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import FairSemaphore, decode, pixel_digest
from image_search.imaging.formats import sandbox
from image_search.imaging.formats.tiff_tags import read_directories
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.conftest import Run
from tests.counting import Counting
from tests.drawing import design, draw_into, picture, saved


def png_of(width: int, height: int) -> bytes:
    """A PNG of zeros, row by row, that unpacks to all the pixels that it claims."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + checksum

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_scans(data: bytes, times: int) -> bytes:
    """A progressive JPEG whose last scan is there so many times."""
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * times + data[-2:]


def tiff_of(tags: dict[int, int], data: bytes = b"") -> bytes:
    """A file of one page; tag 273 gets the place of the data."""
    place = 8 + 2 + 12 * len(tags) + 4
    tags = {tag: place if tag == 273 else value for tag, value in sorted(tags.items())}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4 + data


@pytest.mark.parametrize("kind", ["ICO", "ICNS"])
def test_a_picture_inside_a_small_icon_is_checked_before_it_is_unpacked(kind: str) -> None:
    inner = png_of(12_000, 12_000)
    if kind == "ICO":
        data = struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner
    else:
        block = b"ic07" + struct.pack(">I", len(inner) + 8) + inner
        data = b"icns" + struct.pack(">I", len(block) + 8) + block

    with pytest.raises(ImageTooLarge, match="12000 x 12000"):
        decode(data, max_megapixels=100)


def test_a_jpeg_does_not_go_over_its_pixels_thousands_of_times() -> None:
    usual = saved(design(1, (2400, 1800)), "JPEG", progressive=True)

    assert decode(usual, max_megapixels=10).width == 2400
    with pytest.raises(UnreadableImage, match="scans"):
        decode(with_scans(usual, 1000), max_megapixels=10)


def test_a_film_behind_a_progressive_jpeg_is_no_scan() -> None:
    usual = saved(design(1, (2400, 1800)), "JPEG", progressive=True)

    assert decode(usual + b"\xff\xda" * 5000, max_megapixels=10).width == 2400


def test_a_sequential_jpeg_may_have_thousands_of_scans_too() -> None:
    usual = saved(design(1, (2400, 1800)), "JPEG")
    start = usual.index(b"\xff\xda")
    one = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + bytes(40)

    with pytest.raises(UnreadableImage, match="scans"):
        decode(usual[:start] + one * 2000 + b"\xff\xd9", max_megapixels=10)


def test_what_several_scans_keep_is_bounded() -> None:
    data = bytearray(saved(Image.new("CMYK", (64, 64)), "JPEG", progressive=True))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 12_000, 10_000)

    with pytest.raises(ImageTooLarge, match="scans"):
        decode(bytes(data), max_megapixels=128)


def test_many_scans_of_few_pixels_do_no_harm() -> None:
    assert decode(with_scans(saved(design(1), "JPEG", progressive=True), 50), max_megapixels=1)


def test_scans_within_a_tiff_are_counted() -> None:
    data = with_scans(saved(design(1, (2400, 1800)).convert("L"), "JPEG", progressive=True), 1000)

    with pytest.raises(UnreadableImage, match="scans"):
        decode(
            tiff_of(
                {256: 2400, 257: 1800, 258: 8, 259: 7, 262: 1, 273: 0, 277: 1, 279: len(data)}, data
            ),
            max_megapixels=10,
        )


@pytest.mark.parametrize("bits", [12, 16, 64])
def test_what_a_strip_unpacks_to_is_bounded(bits: int) -> None:
    size = {12: 90_000_000, 16: 200_000_000, 64: 100_000_000}[bits]
    tags = {256: 10_000, 257: size // 10_000, 258: bits, 259: 8, 262: 1, 273: 0, 277: 1, 279: 50}
    tags[277] = 1 if bits == 64 else 3

    with pytest.raises(UnreadableImage, match="bytes at once"):
        decode(tiff_of(tags | {339: 3 if bits == 64 else 1}, bytes(50)), max_megapixels=400)


def test_directories_of_thousands_of_tags_end_soon() -> None:
    count = 65_000
    out = bytearray(b"II*\0" + struct.pack("<I", 8) + bytes(12) * 70_000)
    for number in range(300):
        place = 8 + 12 * number
        struct.pack_into("<H", out, place, count)
        struct.pack_into("<I", out, place + 2 + 12 * count, place + 12)

    assert len(read_directories(bytes(out))) == 0
    with pytest.raises(UnreadableImage):
        decode(bytes(out), max_megapixels=10)


@pytest.mark.parametrize("most", [1, 100, 254, 4095, 65535])
@pytest.mark.parametrize("kind", [5, 6])
def test_netpbm_of_any_range_is_read_at_once(kind: int, most: int) -> None:
    image = design(1) if kind == 6 else design(1).convert("L")
    samples = np.round(np.asarray(image) * (most / 255)).astype(">u2" if most > 255 else np.uint8)
    head = f"P{kind}\n# drawn by a test\n96 72\n{most}\n".encode()

    shown = decode(head + samples.tobytes(), max_megapixels=1).pixels.astype(float)

    expected = np.round(samples.astype(float) * (255 / most))
    assert np.abs(shown - expected.reshape(72, 96, -1)).max() <= 1
    with pytest.raises(UnreadableImage):
        decode(head + samples.tobytes()[:-10], max_megapixels=1)


SLOW = {"QOI": {}, "DDS": {}, "ICO": {"sizes": [(96, 72)]}, "JPEG2000": {}}


@pytest.mark.parametrize("kind", SLOW)
def test_what_is_read_in_another_process_is_the_same(kind: str) -> None:
    data = saved(design(1), kind, **SLOW[kind])
    picture = decode(data, max_megapixels=1)

    assert (picture.width, picture.height) == (96, 72)
    assert np.abs(picture.pixels.astype(int) - np.asarray(design(1), int)).mean() < 4
    if kind != "JPEG2000":
        assert pixel_digest(data, max_megapixels=1) == pixel_digest(
            saved(design(1)), max_megapixels=1
        )


def test_errors_of_another_process_are_errors_here() -> None:
    data = saved(design(1), "QOI")

    with pytest.raises(ImageTooLarge, match="96 x 72"):
        decode(data, max_megapixels=0.001)
    with pytest.raises(UnreadableImage):
        decode(data[:200], max_megapixels=1)


def qoi_of(side: int) -> bytes:
    """A pixel for each byte, which takes Pillow's decoder longest."""
    return (
        b"qoif" + struct.pack(">IIBB", side, side, 3, 0) + b"\x6a" * side * side + b"\0" * 7 + b"\1"
    )


def test_a_decoder_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    decode(saved(design(1), "QOI"), max_megapixels=1)  # the process is there
    monkeypatch.setattr(sandbox, "SECONDS", 0.5)

    began = time.monotonic()
    with pytest.raises(UnreadableImage, match="seconds"):
        decode(qoi_of(3000), max_megapixels=100)
    assert time.monotonic() - began < 60
    monkeypatch.undo()
    assert decode(saved(design(2), "QOI"), max_megapixels=1).width == 96


def test_what_is_certain_to_take_too_long_is_not_begun() -> None:
    with pytest.raises(UnreadableImage, match="too long"):
        decode(qoi_of(4000), max_megapixels=100)


@pytest.mark.skipif(not hasattr(sandbox, "MEMORY"), reason="memory is not bounded here")
def test_a_decoder_that_takes_too_much_memory_is_ended(settings: Settings) -> None:
    # Runs of 62 pixels: 100 million of them in 1.6 MB.
    runs = b"\xfe\1\2\3" + b"\xfd" * (400_000_000 // 62)
    data = b"qoif" + struct.pack(">IIBB", 20_000, 20_000, 3, 0) + runs + b"\0" * 7 + b"\1"
    (settings.images / "a.qoi").write_bytes(data)
    (settings.images / "b.png").write_bytes(saved(design(1)))
    library = Library.open(Settings(**{**vars(settings), "image_megapixels": 1000.0}))

    report = library.update()

    assert (report.added, report.unreadable) == (1, 1)


def test_pixels_at_once_are_bounded() -> None:
    budget = FairSemaphore(100)
    at_once, most = [0], [0]
    lock = threading.Lock()

    def work(pixels: int) -> None:
        with budget.taken(pixels):
            with lock:
                at_once[0] += min(pixels, 100)
                most[0] = max(most[0], at_once[0])
            time.sleep(0.002)
            with lock:
                at_once[0] -= min(pixels, 100)

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in [30, 60, 1000, 5] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert not any(thread.is_alive() for thread in threads)
    assert 60 < most[0] <= 100


def test_a_very_long_animation_is_its_first_frame() -> None:
    frames = saved(design(1), "GIF", save_all=True, append_images=[design(2)], duration=50)
    block = frames.index(b"\x21\xf9\x04", frames.index(b"\x21\xf9\x04") + 3)
    long = frames[:block] + frames[block:-1] * 6000 + b";"

    assert "first frame" in decode(long, max_megapixels=1).note
    with pytest.raises(UnreadableImage):
        pixel_digest(long, max_megapixels=1)


def test_a_still_image_is_not_kept_waiting_by_a_large_one() -> None:
    large = saved(Image.new("L", (9000, 9000), 128))
    done = threading.Event()

    def work() -> None:
        decode(large, max_megapixels=100)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()

    assert decode(saved(design(1)), max_megapixels=100).width == 96
    thread.join(60)
    assert done.is_set()


def test_checks_take_turns(settings: Settings, counting: Counting) -> None:
    draw_into(settings.images, 3)
    library = Library.open(settings)
    library.update()
    library.prepare()
    at_once, most = [0], [0]
    lock, prepare = threading.Lock(), counting.prepare

    def counted(pixels: Pixels) -> object:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.02)
        with lock:
            at_once[0] -= 1
        return prepare(pixels)

    counting.prepare = counted  # type: ignore[method-assign]
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda number: library.check(Query(images=(saved(design(number)),))), range(8))
        )

    assert [result.verdict for result in results[:3]] == ["exact"] * 3
    assert 1 <= most[0] <= settings.threads


def test_a_file_that_has_grown_huge_is_not_read_whole(settings: Settings, run: Run) -> None:
    (path, other) = draw_into(settings.images, 2)
    library = Library.open(settings)
    library.update()
    library.prepare()
    (hit,) = (
        hit for hit in library.search(Query(images=(picture(0),))).hits if hit.path == path.name
    )
    with path.open("ab") as file:
        file.truncate(4_000_000_000)

    for ask in (
        lambda: library.originals.thumbnail(hit.id),
        lambda: library.check(Query(like=(hit.id,))),
    ):
        with pytest.raises(ImageTooLarge, match="500 MB"):
            ask()
    _, out, _ = run("check", path)
    assert "not checked" in out
    assert library.check(Query(images=(picture(1),))).hits[0].hit.path == other.name
