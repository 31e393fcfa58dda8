"""Every pool of threads behaves alike: order kept, errors told, an interrupt ends the work early."""

from __future__ import annotations

import _thread
import signal
import threading
import time

import pytest

from igkinetics.parallel import as_far_as_reached, in_order, workers


def test_results_keep_the_order_of_the_tasks_whatever_finishes_first() -> None:
    first_may_end = threading.Event()

    def slow() -> str:
        assert first_may_end.wait(5)
        return "slow"

    def fast() -> str:
        first_may_end.set()
        return "fast"

    steps: list[tuple[int, int]] = []
    assert in_order([slow, fast], 2, lambda done, of: steps.append((done, of))) == ["slow", "fast"]
    assert steps == [(1, 2), (2, 2)]


def test_the_first_error_is_raised_and_nothing_further_begins() -> None:
    begun = []

    def fails() -> None:
        raise ZeroDivisionError

    def counts(place: int) -> None:
        begun.append(place)
        time.sleep(0.01)

    tasks = [fails, *(lambda place=place: counts(place) for place in range(200))]
    with pytest.raises(ZeroDivisionError):
        in_order(tasks, 1)
    assert len(begun) < 200


@pytest.mark.parametrize("raises", [True, False])
def test_an_interrupt_keeps_what_was_reached_or_is_raised(raises: bool) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("whoever started this process lets no interrupt through")

    def interrupts() -> int:
        time.sleep(0.05)
        _thread.interrupt_main()
        time.sleep(0.05)
        return 1

    tasks = [interrupts, *(lambda: time.sleep(0.02) or 2 for _ in range(100))]
    if raises:
        with pytest.raises(KeyboardInterrupt):
            in_order(tasks, 1)
        return
    reached = as_far_as_reached(tasks, 1)
    assert reached.interrupted
    assert reached.results[0] == 1
    assert len(reached.results) < 101


def test_slices_cover_everything_once() -> None:
    seen = [0] * 10
    with workers(2) as crew:
        crew.over(10, 3, lambda part: seen.__setitem__(part, [1] * (part.stop - part.start)))
    assert seen == [1] * 10
