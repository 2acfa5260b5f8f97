"""Work that goes on side by side: array kernels let go of the interpreter, so threads are enough."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Any, TypeVar

Result = TypeVar("Result")

TURN = 0.0005
"""Seconds that a thread may keep the interpreter while others wait."""
_LOCK = Lock()
_turns, _usual = 0, 0.005


def side_by_side(*jobs: Callable[[], Any]) -> list[Any]:
    """Results of all jobs, in order: the first is done in this thread, every other in one of its own.

    The threads are daemons, so that an interrupted run ends at once and does not wait for a long fit. What they do
    must not depend on which of them is quicker.

    Raises:
        Exception: what the first job to fail, in order, raised.
    """
    with _short_turns():
        started = [_start(job) for job in jobs[1:]]
        return [job() for job in jobs[:1]] + [future.result() for future in started]


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let threads take turns ten times as often as Python does unasked, every 5 milliseconds.

    After each kernel a thread waits for the interpreter until the turn of a thread in plain Python ends. Most kernels
    take less than a millisecond: one run took 30.6 s with the usual turns and 26.6 s with these.
    """
    global _turns, _usual  # noqa: PLW0603  # the interpreter has one interval for all threads
    with _LOCK:
        if not _turns:
            _usual = sys.getswitchinterval()
            sys.setswitchinterval(min(TURN, _usual))
        _turns += 1
    try:
        yield
    finally:
        with _LOCK:
            _turns -= 1
            if not _turns:
                sys.setswitchinterval(_usual)


def _start(job: Callable[[], Any]) -> Future[Any]:
    future: Future[Any] = Future()
    Thread(target=_do, args=(job, future), daemon=True).start()
    return future


def _do(job: Callable[[], Any], future: Future[Any]) -> None:
    try:
        future.set_result(job())
    except BaseException as error:  # noqa: BLE001  # it is raised again where the result is asked for
        future.set_exception(error)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold every BLAS to one thread, for as long as the context lasts.

    numpy and scipy each bring a BLAS with threads of its own, which wait for work by spinning: with two threads each on
    two cores, a run took three times as long as on one. Work that can go on side by side does so in `side_by_side`.
    """
    import scipy.linalg  # noqa: F401  # only a BLAS that is loaded can be held to one thread
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def at_most(limit: int, jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    """Results of all jobs, in order, with up to `limit` of them going on at once, in threads of their own.

    For jobs that wait: nothing is done about turns. The threads are daemons, as those of `side_by_side`.

    Raises:
        Exception: what the first job to fail, in order, raised.
    """
    if limit == 1:
        return [job() for job in jobs]
    numbers, futures = iter(range(len(jobs))), [Future[Result]() for _ in jobs]
    lock = Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            _do(jobs[number], futures[number])

    for _ in range(min(limit, len(jobs))):
        Thread(target=work, daemon=True).start()
    return [future.result() for future in futures]
