"""Weights come from a hub that works, from one that does not, and from the disk."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, Weights
from image_search.extractors.weights import sources
from tests.hub import Behaviour, Hub

CLIP = sources.CLIP_VIT_B_32_OPENAI
RESNET50 = sources.RESNET50_IMAGENET1K_V2
BOTH = pytest.mark.parametrize("weights", [CLIP, RESNET50], ids=["clip", "resnet50"])


@BOTH
def test_what_was_fetched_stays(hub: Hub, weights: Weights) -> None:
    assert weights.path() is None

    path = weights.fetch()

    assert path == weights.path()
    assert weights.missing_reason() is None
    assert weights.ready() == path
    asked = len(hub.requests)
    assert weights.fetch() == path
    assert len(hub.requests) == asked, "nothing is asked for a second time"


@BOTH
@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (Behaviour.DOWN, "out of order (HTTP 503)"),
        (Behaviour.SILENT, "did not answer within 1 s"),
        (Behaviour.FORGETFUL, "404"),
        (Behaviour.CORRUPT, "damaged"),
        (Behaviour.TRUNCATED, "fail"),
    ],
)
def test_a_bad_hub_is_reported_and_leaves_nothing_behind(
    hub: Hub, weights: Weights, behaviour: Behaviour, says: str
) -> None:
    hub.behaviour = behaviour
    start = time.monotonic()

    with pytest.raises(ModelUnavailable) as caught:
        weights.fetch(timeout=1)

    assert time.monotonic() - start < 10
    assert says in str(caught.value)
    assert "image-search models fetch" in str(caught.value)
    assert weights.path() is None


@BOTH
@pytest.mark.parametrize("behaviour", [Behaviour.DOWN, Behaviour.SILENT, Behaviour.CORRUPT])
def test_when_the_hub_is_well_again_the_next_fetch_succeeds(
    hub: Hub, weights: Weights, behaviour: Behaviour
) -> None:
    hub.behaviour = behaviour
    with pytest.raises(ModelUnavailable):
        weights.fetch(timeout=0.5)
    hub.behaviour = Behaviour.WELL

    assert weights.fetch() == weights.ready()


def test_without_links_the_content_is_checked_all_the_same(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows the library keeps no file named after its checksum."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_SYMLINKS", True)
    hub.behaviour = Behaviour.CORRUPT
    with pytest.raises(ModelUnavailable, match="damaged"):
        CLIP.fetch()
    assert CLIP.path() is None
    hub.behaviour = Behaviour.WELL

    path = CLIP.fetch()

    assert path == path.resolve() == CLIP.ready()


@BOTH
def test_a_download_that_broke_off_goes_on_where_it_stopped(hub: Hub, weights: Weights) -> None:
    hub.behaviour = Behaviour.TRUNCATED
    with pytest.raises(ModelUnavailable, match=r"broke off 4 times"):
        weights.fetch(timeout=1)
    (partial,) = weights.folder.glob("*.part")
    here = partial.stat().st_size
    hub.behaviour, hub.continued = Behaviour.WELL, []
    reached: list[int] = []

    path = weights.fetch(on_bytes=reached.append)

    assert 0 < here < path.stat().st_size
    assert hub.continued == [here]
    assert reached == sorted(reached)
    assert (reached[0], reached[-1]) == (here, path.stat().st_size)
    assert weights.ready() == path
    assert not list(weights.folder.glob("*.part")), "nothing is left over"


@BOTH
def test_a_server_that_begins_again_does_no_harm(hub: Hub, weights: Weights) -> None:
    hub.sends_parts, hub.behaviour = False, Behaviour.TRUNCATED
    with pytest.raises(ModelUnavailable):
        weights.fetch(timeout=1)
    hub.behaviour = Behaviour.WELL

    assert weights.fetch() == weights.ready()
    assert hub.continued == []


@BOTH
def test_a_beginning_of_another_file_is_found_out(hub: Hub, weights: Weights) -> None:
    hub.behaviour = Behaviour.TRUNCATED
    with pytest.raises(ModelUnavailable):
        weights.fetch(timeout=1)
    (partial,) = weights.folder.glob("*.part")
    partial.write_bytes(bytes(partial.stat().st_size))
    hub.behaviour = Behaviour.WELL

    with pytest.raises(ModelUnavailable, match="damaged"):
        weights.fetch()

    assert weights.path() is None
    assert weights.fetch() == weights.ready()


@BOTH
def test_a_download_stops_when_it_is_asked_to_and_keeps_what_came(
    hub: Hub, weights: Weights
) -> None:
    hub.behaviour = Behaviour.STEADY
    reached: list[int] = []

    with pytest.raises(ModelUnavailable, match="it was stopped"):
        weights.fetch(on_bytes=reached.append, cancelled=lambda: bool(reached) and reached[-1] > 0)

    assert weights.path() is None
    hub.behaviour = Behaviour.WELL
    assert weights.fetch() == weights.ready()
    assert hub.continued, "what had come was not asked for again"


@BOTH
def test_a_trickle_is_given_up(hub: Hub, weights: Weights) -> None:
    hub.behaviour = Behaviour.TRICKLING
    start = time.monotonic()

    with pytest.raises(ModelUnavailable, match=r"stood still for 2 s"):
        weights.fetch(timeout=0.5)

    assert time.monotonic() - start < 6
    assert weights.path() is None


@BOTH
def test_a_slow_line_is_not_taken_for_a_trickle(hub: Hub, weights: Weights) -> None:
    """The file takes longer to come than a download may stand still."""
    hub.behaviour = Behaviour.STEADY

    assert weights.fetch(timeout=0.4) == weights.ready()


@BOTH
@pytest.mark.usefixtures("hub")
def test_nobody_listens(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/resnet50-00000000.pth"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", closed)
    monkeypatch.setitem(vars(RESNET50), "address", closed)

    with pytest.raises(ModelUnavailable, match="refused the connection"):
        weights.fetch()


@BOTH
def test_a_name_service_that_hangs_does_not_hang_us(
    hub: Hub, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def stuck(*_: object, **__: object) -> None:
        released.wait(30)
        raise socket.gaierror("stuck")

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    start = time.monotonic()

    with pytest.raises(ModelUnavailable, match=r"did not answer within 0\.3 s"):
        weights.fetch(timeout=0.3)

    released.set()
    assert time.monotonic() - start < 3
    assert hub.requests == []


def test_offline_by_order_of_the_user(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(ModelUnavailable, match="HF_HUB_OFFLINE"):
        CLIP.fetch()

    assert hub.requests == []


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def replace_by_an_error_page(path: Path) -> None:
    path.write_text("<html>Please sign in to the network of Hotel Bellevue</html>")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@BOTH
@pytest.mark.parametrize("harm", [shorten, replace_by_an_error_page, empty])
@pytest.mark.usefixtures("hub")
def test_a_damaged_file_is_seen_at_a_glance(weights: Weights, harm: object) -> None:
    path = weights.fetch()
    assert callable(harm)
    harm(path)

    missing_reason = weights.missing_reason()

    assert missing_reason is not None
    assert f"{path} is damaged" in missing_reason


@BOTH
@pytest.mark.usefixtures("hub")
def test_a_flipped_bit_is_found_before_loading_and_mended_by_fetching(weights: Weights) -> None:
    path = weights.fetch()
    content = bytearray(path.read_bytes())
    content[500_000] ^= 1
    path.write_bytes(content)

    with pytest.raises(ModelUnavailable, match=r"is damaged .* was set aside .* models fetch"):
        weights.ready()

    assert weights.path() is None, "the next start counts it as missing"
    assert weights.fetch() == path == weights.ready()
    assert not list(path.resolve().parent.glob("*.damaged"))


@BOTH
@pytest.mark.usefixtures("hub")
def test_a_damaged_file_is_replaced_by_fetching(weights: Weights) -> None:
    path = weights.fetch()
    shorten(path)

    assert weights.fetch() == path
    assert weights.missing_reason() is None


@BOTH
def test_a_damaged_file_stays_while_no_better_one_is_to_be_had(hub: Hub, weights: Weights) -> None:
    path = weights.fetch()
    shorten(path)
    hub.behaviour = Behaviour.DOWN

    with pytest.raises(ModelUnavailable, match=r"is damaged .* and .* out of order"):
        weights.fetch()

    assert path.exists()


@BOTH
@pytest.mark.usefixtures("hub")
def test_leftovers_of_old_downloads_are_swept_away(weights: Weights) -> None:
    suffix = weights.partial_names.lstrip("*")
    weights.folder.mkdir(parents=True)
    old, fresh = (weights.folder / f"{age}{suffix}" for age in ("old", "fresh"))
    old.write_bytes(b"x")
    fresh.write_bytes(b"x")
    os.utime(old, (time.time() - 86400,) * 2)

    weights.fetch()

    assert not old.exists()
    assert fresh.exists(), "somebody may be writing to it"


@pytest.mark.usefixtures("hub")
def test_a_cache_copied_by_hand_is_found() -> None:
    """Copying to and fro loses the links, the names of the blobs, and the record of branches."""
    path = CLIP.fetch()
    content = path.read_bytes()
    for place in (CLIP.place / "refs", CLIP.place / "blobs"):
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
    path.unlink()
    path.write_bytes(content)

    assert CLIP.path() == path == CLIP.ready()


@pytest.mark.parametrize("name", ["clip", "resnet50"])
@pytest.mark.usefixtures("hub")
def test_weights_of_another_network_are_refused(name: str) -> None:
    weights = REGISTRY[name].weights
    assert weights is not None
    path = weights.fetch()

    with pytest.raises(ModelUnavailable, match="cannot be loaded") as caught:
        REGISTRY[name].load()

    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["clip", "resnet50"])
def test_loading_what_is_not_there_says_what_to_do(hub: Hub, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="image-search models fetch"):
        REGISTRY[name].load()

    assert hub.requests == [], "loading never touches the network"
