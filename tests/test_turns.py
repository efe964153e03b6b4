from __future__ import annotations

import threading
import time

import pytest

from image_search.imaging.decoding import FairSemaphore


def test_who_is_there_first_is_alone() -> None:
    turns = FairSemaphore(2)

    with turns.taken() as first, turns.taken() as second:
        assert first.alone
        assert not second.alone
    with turns.taken() as later:
        assert later.alone


def test_whoever_pauses_lets_those_go_first_who_wait() -> None:
    turns, order = FairSemaphore(1), list[str]()

    def go(name: str) -> None:
        with turns.taken() as turn:
            order.append(f"{name} begins")
            turn.again()
            order.append(f"{name} ends")

    with turns.taken() as turn:
        turn.again()  # nobody waits
        order.append("first begins")
        others = [threading.Thread(target=go, args=(name,)) for name in ("second", "third")]
        for number, other in enumerate(others, 1):
            other.start()
            until = time.monotonic() + 10
            while len(turns._waiting) < number and time.monotonic() < until:
                time.sleep(0.001)
        turn.again()
        order.append("first ends")
    for other in others:
        other.join()

    begun = ["first begins", "second begins", "third begins"]
    assert order == [*begun, "first ends", "second ends", "third ends"]
    with turns.taken() as later:
        assert later.alone


def test_others_wait_in_their_order() -> None:
    turns, order = FairSemaphore(1), list[int]()
    threads = []

    def go(number: int) -> None:
        with turns.taken():
            order.append(number)

    with turns.taken():
        for number in range(8):
            thread = threading.Thread(target=go, args=(number,))
            thread.start()
            threads.append(thread)
            until = time.monotonic() + 10
            while len(turns._waiting) <= number and time.monotonic() < until:
                time.sleep(0.001)
        assert not order
    for thread in threads:
        thread.join()

    assert order == list(range(8))


def test_there_are_never_more_at_work() -> None:
    turns, at_work, most = FairSemaphore(3), 0, 0
    lock = threading.Lock()

    def go() -> None:
        nonlocal at_work, most
        for _ in range(50):
            with turns.taken() as turn:
                for _ in range(2):
                    with lock:
                        at_work += 1
                        most = max(most, at_work)
                    time.sleep(0.0002)
                    with lock:
                        at_work -= 1
                    turn.again()

    threads = [threading.Thread(target=go) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 3


def test_what_fails_gives_its_turn_back() -> None:
    turns = FairSemaphore(1)

    with pytest.raises(ValueError, match="no"), turns.taken():
        raise ValueError("no")

    with turns.taken() as later:
        assert later.alone
