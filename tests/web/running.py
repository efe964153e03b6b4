"""The service in a process of its own, as ``image-search serve`` runs it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from image_search.library import Library
from image_search.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Running:
    """A service that accepts connections at ``address``."""

    address: str
    process: subprocess.Popen[str]


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Running]:
    """Starts the service on a free port and ends it afterwards."""
    values = {name: str(v) if isinstance(v, Path) else v for name, v in asdict(settings).items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.web.running", json.dumps({**values, "port": 0})],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "The service did not start."
        yield Running(address, process)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def main() -> None:
    """Serves with the settings given as JSON, telling the address first."""
    from image_search.web import create_app
    from image_search.web.server import serve

    # Ignored, and inherited so, where a shell runs the tests in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    values = json.loads(sys.argv[1])
    for name in ("images", "cache"):
        values[name] = Path(values[name])
    settings = Settings(**values)
    app = create_app(Library.open(settings), settings)
    serve(app, settings, lambda address: print(address, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
