"""Runs decoders that are slow, or seldom looked at, in processes that can be ended.

A process is started when it is first needed (0.5 to 1 s) and used again. It is ended where a file
takes too long or too much memory; the next file gets another one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from image_search import errors
from image_search.errors import UnreadableImage
from image_search.imaging.formats.video import is_video

# Seconds for one file, once its process has been started; and for a video, or all pages of a file,
# which end by themselves (``pages.MAX_WAIT``, ``video.MAX_WAIT``) unless they are damaged.
SECONDS: Final = 8.0
PAGES_SECONDS: Final = 40.0
VIDEO_SECONDS: Final = 120.0
# Bytes that a process may take for one file, beside what it needs itself and the file.
MEMORY: Final = 900_000_000
# Files that are worked on at once, and videos beside them, for which no other file is to wait.
_AT_ONCE: Final = 2
_VIDEOS_AT_ONCE: Final = 2
# Files after which a process makes room for a fresh one.
_FILES: Final = 500

# Formats whose decoders are slow, written in Python, or seldom looked at, by how they begin: they
# run in a process that can be ended. JPEG 2000 (twice), ICO, ICNS, DDS, QOI, XPM, MSP, SGI of 16
# bits a sample.
_SEPARATE: Final = (
    b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\0\0\1\0", b"icns", b"DDS ", b"qoif", b"/* XPM */",
    b"DanM", b"LinS", b"\x01\xda\x00\x02", b"\x01\xda\x01\x02",
)  # fmt: skip
# Bytes of a QOI file: each is a pixel at worst, and is unpacked in Python, 1.5 million a second.
_MAX_QOI: Final = 12_000_000

_PACKAGE: Final = Path(__file__).resolve().parents[3]


def wants_own_process(data: bytes) -> bool:
    """Whether the decoder for ``data`` runs where it can be ended."""
    if data.startswith(_SEPARATE):
        return True
    if data[:2] == b"BM":  # run lengths are unpacked in Python
        return data[30:34] in (b"\1\0\0\0", b"\2\0\0\0")
    # Of Netpbm, samples written as text, and kinds that are seldom seen.
    return data[:2] in (b"P1", b"P2", b"P3", b"P7", b"PF", b"Pf", b"Py") and data[2:3].isspace()


def check_slow(data: bytes) -> None:
    """See that a file is not certain to take longer than it may.

    Raises:
        UnreadableImage: it is.
    """
    if data.startswith(b"qoif") and len(data) > _MAX_QOI:
        raise UnreadableImage(
            f"QOI pictures of more than {_MAX_QOI / 1e6:.0f} MB take too long to be read; save it "
            "as PNG."
        )


class _Worker:
    """One process, and the pipes to it."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, [str(_PACKAGE), os.environ.get("PYTHONPATH", "")]))
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.files = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "image_search.imaging.formats.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **single, "PYTHONPATH": path},
        )

    def ask(self, question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """The answer of the process.

        Raises:
            EOFError, OSError: it ended, or was ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        send(self._process.stdin, question, data)
        return receive(self._process.stdout)

    def end(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(OSError):
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def stop(self, late: threading.Event) -> None:
        """End what the process does now; whoever waits for it goes on, and sees that it was
        ``late``."""
        late.set()
        with contextlib.suppress(OSError):
            self._process.kill()


def send(pipe: Any, head: dict[str, Any], body: bytes) -> None:
    """Write a message: the length of its head, the head as JSON, and the body."""
    encoded = json.dumps({**head, "length": len(body)}).encode()
    pipe.write(struct.pack("<I", len(encoded)) + encoded)
    pipe.write(body)
    pipe.flush()


def receive(pipe: Any) -> tuple[dict[str, Any], bytes]:
    """Read a message.

    Raises:
        EOFError: the other side has ended.
    """
    head: dict[str, Any] = json.loads(_exactly(pipe, *struct.unpack("<I", _exactly(pipe, 4))))
    return head, _exactly(pipe, int(head.pop("length")))


def _exactly(pipe: Any, length: int) -> bytes:
    data: bytes = pipe.read(length)
    if len(data) != length:
        raise EOFError
    return data


class Sandbox:
    """Some processes, shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._video_turns = threading.BoundedSemaphore(_VIDEOS_AT_ONCE)
        self._idle: list[_Worker] = []

    def run(self, question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """The answer to a ``question`` about ``data``, as ``worker`` gives it.

        Raises:
            ImageSearchError: what the process raised.
            UnreadableImage: it took too long, too much memory, or crashed.
        """
        check_slow(data)
        video = is_video(data)
        seconds, noun = PAGES_SECONDS if question.get("parts") else SECONDS, "image"
        if video:
            seconds, noun = VIDEO_SECONDS, "video"
        with self._video_turns if video else self._turns:
            try:
                worker = self._taken()
            except OSError as error:
                raise UnreadableImage(
                    f"The process that decodes such images cannot be started ({error})."
                ) from error
            late = threading.Event()
            timer = threading.Timer(seconds, worker.stop, (late,))
            timer.daemon = True
            timer.start()
            try:
                answer, body = worker.ask(question, data)
            except (EOFError, OSError, ValueError):
                worker.end()
                raise UnreadableImage(
                    f"The {noun} takes more than {seconds:g} seconds to be read."
                    if late.is_set()
                    else f"The {noun} is damaged, or needs more memory than is allowed."
                ) from None
            except BaseException:  # interrupted by Ctrl-C: what comes back is not used
                worker.end()
                raise
            finally:
                timer.cancel()
            self._put_back(worker)
        if "error" in answer:
            raise getattr(errors, answer["error"], UnreadableImage)(answer["message"])
        return answer, body

    def _taken(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Worker()

    def _put_back(self, worker: _Worker) -> None:
        worker.files += 1
        if worker.files >= _FILES:
            worker.end()
            return
        with self._lock:
            self._idle.append(worker)

    def close(self) -> None:
        """End the processes that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()


SANDBOX: Final = Sandbox()
atexit.register(SANDBOX.close)
