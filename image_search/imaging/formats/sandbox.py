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
from image_search.imaging.formats.bounds import check_slow

# Seconds for one file, once its process has been started.
SECONDS: Final = 8.0
# Bytes that a process may take for one file, beside what it needs itself and the file.
MEMORY: Final = 900_000_000
# Files that are worked on at once.
_AT_ONCE: Final = 2
# Files after which a process makes room for a fresh one.
_FILES: Final = 500

_PACKAGE: Final = Path(__file__).resolve().parents[3]


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
        """What the process answers.

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
        self._idle: list[_Worker] = []

    def run(self, question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """The answer to a ``question`` about ``data``, as ``worker`` gives it.

        Raises:
            ImageSearchError: what the process raised.
            UnreadableImage: it took too long, too much memory, or crashed.
        """
        check_slow(data)
        with self._turns:
            try:
                worker = self._taken()
            except OSError as error:
                raise UnreadableImage(
                    f"The process that reads such images cannot be started ({error})."
                ) from error
            late = threading.Event()
            timer = threading.Timer(SECONDS, worker.stop, (late,))
            timer.daemon = True
            timer.start()
            try:
                answer, body = worker.ask(question, data)
            except (EOFError, OSError, ValueError):
                worker.end()
                raise UnreadableImage(
                    f"The image takes more than {SECONDS:g} seconds to be read."
                    if late.is_set()
                    else "The image is damaged, or needs more memory than is allowed."
                ) from None
            except BaseException:  # somebody pressed Ctrl-C: what comes back belongs to no one
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
