"""The process that ``sandbox`` starts: answers questions about files until its input ends."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from image_search.errors import ImageSearchError
from image_search.imaging.formats.sandbox import MEMORY, receive, send
from image_search.imaging.parts import answer_here


def main() -> None:
    """Answer until the input ends."""
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    while True:
        try:
            question, data = receive(questions)
        except (EOFError, KeyboardInterrupt):
            return
        with contextlib.suppress(OSError, ValueError):
            _bound_memory(len(data))
        answer: dict[str, Any]
        try:
            answer, body = answer_here(question, data)
        except ImageSearchError as error:
            answer, body = {"error": type(error).__name__, "message": str(error)}, b""
        send(answers, answer, body)


def _bound_memory(length: int) -> None:
    """Let the process take so much more than it has now, where the system can hold it to that."""
    try:
        import resource
    except ImportError:  # on Windows
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bound = pages * resource.getpagesize() + MEMORY + length
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))


if __name__ == "__main__":
    main()
