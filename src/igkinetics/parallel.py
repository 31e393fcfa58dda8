"""Work side by side in threads: the compiled kernels release Python's lock.

Every pool behaves alike. After an interrupt (Ctrl-C) or an error nothing further is started, what runs is finished,
and the caller hears of it: `in_order` raises, `as_far_as_reached` returns what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""progress(done, of) is called after each task."""


@dataclass(frozen=True, slots=True)
class Reached(Generic[Result]):
    """results: by the place of the task; a task that an interrupt kept from being done has none."""

    results: dict[int, Result]
    interrupted: bool


def as_far_as_reached(
    tasks: Sequence[Callable[[], Result]], jobs: int, progress: Progress | None = None
) -> Reached[Result]:
    """Do the tasks in `jobs` threads; an interrupt ends the work early. The first error of a task is raised.

    >>> as_far_as_reached([lambda: 1, lambda: 2], jobs=2).results
    {0: 1, 1: 2}
    """
    results: dict[int, Result] = {}

    def work(place: int) -> None:
        results[place] = tasks[place]()

    interrupted = False
    with workers(jobs) as crew:
        try:
            for done, future in enumerate([crew.pool.submit(work, index) for index in range(len(tasks))], start=1):
                future.result()
                if progress is not None:
                    progress(done, len(tasks))
        except KeyboardInterrupt:
            interrupted = True
            crew.pool.shutdown(wait=True, cancel_futures=True)
    return Reached(dict(sorted(results.items())), interrupted)


def in_order(tasks: Sequence[Callable[[], Result]], jobs: int, progress: Progress | None = None) -> list[Result]:
    """The results of the tasks, in their order. Raises the first error of a task, or KeyboardInterrupt.

    >>> in_order([lambda: "a", lambda: "b"], jobs=2)
    ['a', 'b']
    """
    reached = as_far_as_reached(tasks, jobs, progress)
    if reached.interrupted:
        raise KeyboardInterrupt
    return list(reached.results.values())


@dataclass(frozen=True, slots=True)
class Workers:
    """An open pool, for work that comes batch by batch."""

    pool: ThreadPoolExecutor

    def over(self, n: int, size: int, work: Callable[[slice], None]) -> None:
        """Call work on each slice of range(n), `size` long."""
        parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        for future in [self.pool.submit(work, part) for part in parts]:
            future.result()


@contextmanager
def workers(jobs: int) -> Iterator[Workers]:
    """A pool of `jobs` threads; whatever is raised inside cancels what has not begun."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            yield Workers(pool)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
