from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from image_search.web.throttle import Throttle, TooManyAttempts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fails(throttle: Throttle, address: str) -> bool:
    """Whether an attempt was let through and failed."""
    try:
        return not throttle.attempt(address, lambda: False)
    except TooManyAttempts:
        return False


def test_the_window_slides() -> None:
    clock = Clock()
    throttle = Throttle(failures=3, seconds=60, clock=clock)
    for clock.now in (0, 20, 40):
        assert fails(throttle, "a")
    clock.now = 50
    with pytest.raises(TooManyAttempts) as caught:
        throttle.attempt("a", lambda: True)
    assert caught.value.seconds == 10
    clock.now = 60
    assert throttle.attempt("a", lambda: True)
    assert fails(throttle, "a")
    assert not fails(throttle, "a")


def test_success_neither_counts_nor_forgives() -> None:
    throttle = Throttle(failures=2)
    assert fails(throttle, "a")
    for _ in range(5):
        assert throttle.attempt("a", lambda: True)
    assert fails(throttle, "a")
    assert not fails(throttle, "a")


def test_guesses_in_parallel_count_like_guesses_in_a_row() -> None:
    throttle = Throttle(failures=10)
    with ThreadPoolExecutor(16) as pool:
        through = list(pool.map(lambda _: fails(throttle, "a"), range(200)))
    assert sum(through) == 10


def test_a_lock_out_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    throttle = Throttle(failures=3)
    for _ in range(2):
        fails(throttle, "192.0.2.7")
    assert not caplog.records

    for _ in range(5):
        fails(throttle, "192.0.2.7")

    (record,) = caplog.records
    assert record.getMessage().startswith("192.0.2.7 has sent 3 wrong passwords")


def test_no_number_of_other_addresses_frees_one_that_is_locked_out() -> None:
    throttle = Throttle()
    for _ in range(10):
        assert fails(throttle, "192.0.2.7")
    for number in range(4_200):
        fails(throttle, f"10.{number // 250}.{number % 250}.1")
    with pytest.raises(TooManyAttempts):
        throttle.attempt("192.0.2.7", lambda: True)


def test_all_addresses_together_have_so_many_guesses(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    throttle = Throttle(everyone=100, clock=clock)
    through = sum(fails(throttle, f"10.0.{number // 250}.{number % 250}") for number in range(1000))
    assert through == 100
    (record,) = caplog.records
    assert record.getMessage().startswith("100 wrong passwords have come from 100 addresses")
    with pytest.raises(TooManyAttempts) as caught:
        throttle.attempt("192.0.2.7", lambda: True)
    assert caught.value.seconds == 300
    clock.now = 300
    assert throttle.attempt("192.0.2.7", lambda: True)


def test_who_has_sent_the_right_password_is_not_locked_out_by_others() -> None:
    throttle = Throttle(failures=3, everyone=100)
    assert throttle.attempt("192.0.2.7", lambda: True)
    for number in range(200):
        fails(throttle, f"10.0.0.{number}")

    assert throttle.attempt("192.0.2.7", lambda: True)
    # Its own failures count all the same.
    assert [fails(throttle, "192.0.2.7") for _ in range(4)] == [True] * 3 + [False]


def test_memory_is_bounded() -> None:
    clock = Clock()
    throttle = Throttle(failures=2, everyone=50, known=5, clock=clock)
    for number in range(20):
        assert throttle.attempt(f"192.0.2.{number}", lambda: True)
    for number in range(1000):
        fails(throttle, f"10.0.{number // 250}.{number % 250}")
        fails(throttle, f"192.0.2.{number % 20}")
    assert len(throttle._known) == 5
    assert len(throttle._failed) <= len(throttle._all) <= 50 + 2 * 5
    clock.now = 300
    assert fails(throttle, "a")
    assert len(throttle._failed) == len(throttle._all) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_what_one_address_is(one: str, other: str, same: bool) -> None:
    throttle = Throttle(failures=1)
    assert fails(throttle, one)
    assert fails(throttle, other) is not same
