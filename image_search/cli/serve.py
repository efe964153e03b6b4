"""``image-search serve``: the web service."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING

from image_search.cli.options import MADE, Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.errors import CacheLocked

if TYPE_CHECKING:
    from image_search.settings import Settings
    from image_search.web.secrets import Secrets

#: Seconds that a network gets to finish what it is at when the service stops.
PATIENCE = 1.0


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "serve",
        "serve the page and the HTTP interface",
        "image-search serve --host 0.0.0.0 --port 5050",
        [
            "host", "port", "models", "extractors", "threads", "upload_megabytes",
            "upload_megapixels", "image_megapixels", "hub_timeout", "trusted_proxy", "uploads",
            "detector", "ignore", "watch", "metrics", "access_log", "views", "share",
        ],
    )  # fmt: skip
    parser.add_argument(
        "--check-port",
        action="store_true",
        help="only check whether the address and the port are free: exit code 0 if so, else 2",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted; 0 after a clean stop."""
    from image_search.indexing.background import BackgroundTask
    from image_search.library import Library
    from image_search.web import create_app
    from image_search.web.exposure import check_password, warnings_about
    from image_search.web.jobs import ReindexRunning
    from image_search.web.secrets import load_secrets
    from image_search.web.server import check_port, serve

    settings = settings_from(options, "" if options.check_port else MADE)
    check_password(settings)  # before anything is opened or made
    if options.check_port:
        check_port(settings)
        return 0
    library = Library.open(settings)
    secrets = load_secrets(settings)
    app = create_app(library, settings)

    def tell(address: str) -> None:
        status = library.status()
        if options.json:
            print(json.dumps({"address": address, "images": status.images}), flush=True)
        else:
            print(f"Serving {status.images:,} images on {address} (Ctrl-C stops)", flush=True)
        print(_about_password(settings, secrets), file=sys.stderr, flush=True)
        for warning in (*_about_port(settings), *warnings_about(settings), *status.warnings):
            print(f"Note: {warning}", file=sys.stderr)
        preparing.start()

    def prepare() -> None:
        """What makes the first search quick, and the index whole, while requests are served."""
        library.warm_up(stopping)
        if stopping():
            return
        if library.outdated:
            # Another thread or process was quicker; its work is used when it has finished.
            with contextlib.suppress(ReindexRunning, CacheLocked):
                app.extensions["image_search"].reindexer.start()
        elif library.duplicates.outdated:
            library.duplicates.update_soon()
        if not library.verify(stopping) and library.outdated and not stopping():
            with contextlib.suppress(CacheLocked):
                app.extensions["image_search"].reindexer.start_soon()

    preparing = BackgroundTask("prepare", prepare)
    stopping = preparing.stopping.is_set
    serve(app, settings, tell)
    ended = preparing.stop(PATIENCE)
    print("Stopped.", file=sys.stderr)
    if not ended:
        # A network is being loaded, which cannot be stopped, writes nothing that is not put into
        # its place whole, and would crash while the interpreter is taken down beneath it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def _about_port(settings: Settings) -> list[str]:
    from image_search.web.ports import REFUSED_BY_BROWSERS

    if settings.port not in REFUSED_BY_BROWSERS:
        return []
    return [f"Browsers block port {settings.port}; choose another with --port."]


def _about_password(settings: Settings, secrets: Secrets) -> str:
    if settings.password is not None:
        return "The password is the value of IMAGE_SEARCH_PASSWORD."
    if secrets.made:
        return (
            f"The password is {secrets.password} (made now, and the same at the next start; "
            "to choose your own, set IMAGE_SEARCH_PASSWORD)."
        )
    return (
        f"The password is the one made at the first start; it is stored in "
        f"{settings.state_dir / 'secrets.json'}."
    )
