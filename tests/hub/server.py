"""The server: answers what huggingface_hub and torch.hub ask for, well or badly.

Like the real hub it answers the question for a file with a redirection to a second address, and
tells revision, size and SHA-256 in headers of that redirection.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from image_search.extractors.clip_models import CLIP_MODELS

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Behaviour(Enum):
    """How the hub behaves."""

    WELL = "well"
    DOWN = "every answer is 503"
    SILENT = "accepts, never answers"
    TRICKLING = "answers, then sends a byte now and then"
    STEADY = "sends 400 kB a second, without a pause"
    CORRUPT = "right size, wrong bytes, right checksum in the header"
    TRUNCATED = "breaks off in the middle, every time"
    FORGETFUL = "has no such file"


class Hub:
    """A hub on a free port of this machine, with CLIP's and ResNet50's files as given."""

    def __init__(
        self,
        clip: Path,
        resnet50: Path,
        more: Mapping[str, Sequence[Path]] | None = None,
        checkpoints: Sequence[Path] = (),
    ) -> None:
        """Serve these files: ``clip`` as the hub does, ``resnet50`` and ``checkpoints`` as
        torchvision's server; and ``more`` by the hub's repository."""
        self.behaviour = Behaviour.WELL
        self.requests: list[str] = []
        #: The bytes from which on files were asked for, where that was not the first.
        self.continued: list[int] = []
        #: Whether it sends a part of a file where one is asked for; else it sends all of it.
        self.sends_parts = True
        digest = _sha256(resnet50)
        self.resnet50_name = f"resnet50-{digest[:8]}.pth"
        # All of CLIP's own kind have weights of the same shapes, at one size of pictures.
        same = [
            row.weights.repo
            for row in CLIP_MODELS
            if not row.vocabulary and row.sight == CLIP_MODELS[0].sight
        ]
        files = {**{repo: [clip] for repo in same}, **(more or {})}
        digests = {file: _sha256(file) for found in files.values() for file in found}
        self._hub_files = {
            f"/{repo}/resolve/main/{file.name}": (file, digests[file])
            for repo, found in files.items()
            for file in found
        }
        self._plain_files = {f"/cdn/{digest}": file for file, digest in digests.items()}
        self._plain_files[f"/models/{self.resnet50_name}"] = resnet50
        names = {file: f"{file.stem}-{_sha256(file)[:8]}{file.suffix}" for file in checkpoints}
        self._plain_files |= {f"/models/{name}": file for file, name in names.items()}
        #: The names of ``checkpoints``, in their order; they lie beside ResNet50's.
        self.checkpoints = tuple(names.values())
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def resnet50_url(self) -> str:
        """What stands in for torchvision's address of the file."""
        return f"{self.url}/models/{self.resnet50_name}"

    def serve(self, path: Path) -> str:
        """Serve one more file as torchvision's server would; its address."""
        name = f"{path.stem}-{_sha256(path)[:8]}{path.suffix}"
        self._plain_files[f"/models/{name}"] = path
        return f"{self.url}/models/{name}"

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def environment(self, folder: Path) -> dict[str, str]:
        """Environment for another process that is to use this hub, and caches in ``folder``.

        torch.hub has no variable for its address, so the row of ours is altered at start-up.
        """
        site = folder / "site"
        site.mkdir(parents=True, exist_ok=True)
        (site / "sitecustomize.py").write_text(
            "from image_search.extractors.weights import sources\n"
            "object.__setattr__("
            f"sources.RESNET50_IMAGENET1K_V2, 'address', {self.resnet50_url!r})\n"
        )
        project = Path(__file__).resolve().parents[2]
        return {
            **os.environ,
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(folder / "huggingface"),
            "TORCH_HOME": str(folder / "torch"),
            "PYTHONPATH": os.pathsep.join([str(site), str(project)]),
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub._answer(self)

            def do_GET(self) -> None:
                hub._answer(self)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append(f"{request.command} {request.path}")
        try:
            if self.behaviour is Behaviour.SILENT:
                self._closing.wait(60)
            elif self.behaviour is Behaviour.DOWN:
                request.send_error(503)
            elif self.behaviour is Behaviour.FORGETFUL:
                self._not_found(request)
            elif request.path in self._hub_files:
                self._point(request, *self._hub_files[request.path])
            elif request.path in self._plain_files:
                self._send(request, self._plain_files[request.path])
            else:
                self._not_found(request)
        except (BrokenPipeError, ConnectionResetError):
            return

    def _not_found(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(404)
        request.send_header("X-Error-Code", "EntryNotFound")
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _point(self, request: BaseHTTPRequestHandler, file: Path, digest: str) -> None:
        request.send_response(302)
        # Another host name, as with the real hub: its library stays on the hub's own host.
        elsewhere = self.url.replace("127.0.0.1", "localhost")
        request.send_header("Location", f"{elsewhere}/cdn/{digest}")
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("X-Linked-Etag", f'"{digest}"')
        request.send_header("X-Linked-Size", str(file.stat().st_size))
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _send(self, request: BaseHTTPRequestHandler, file: Path) -> None:
        content = file.read_bytes()
        start = int(request.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
        if not self.sends_parts:
            start = 0
        if start:
            self.continued.append(start)
        request.send_response(206 if start else 200)
        content = content[start:]
        request.send_header("Content-Type", "application/octet-stream")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "HEAD":
            return
        if self.behaviour is Behaviour.CORRUPT:
            content = content[:-1] + bytes([content[-1] ^ 0xFF])
        if self.behaviour is Behaviour.TRUNCATED:
            content = content[: len(content) // 2]
        pieces = {Behaviour.TRICKLING: (1, 0.02), Behaviour.STEADY: (20_000, 0.05)}
        piece, pause = pieces.get(self.behaviour, (len(content), 0.0))
        for start in range(0, len(content), piece):
            request.wfile.write(content[start : start + piece])
            if self._closing.wait(pause):
                return


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
