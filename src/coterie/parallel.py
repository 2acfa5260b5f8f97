"""Work that goes on side by side: array kernels let go of the interpreter, so threads are enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import Any


def side_by_side(*jobs: Callable[[], Any]) -> list[Any]:
    """Results of all jobs, in order: the first is done in this thread, every other in one of its own.

    The threads are daemons, so that an interrupted run ends at once and does not wait for a long fit. What they do
    must not depend on which of them is quicker.

    Raises:
        Exception: what the first job to fail, in order, raised.
    """
    started = [_start(job) for job in jobs[1:]]
    return [job() for job in jobs[:1]] + [future.result() for future in started]


def _start(job: Callable[[], Any]) -> Future[Any]:
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(job())
        except BaseException as error:  # noqa: BLE001  # it is raised again where the result is asked for
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future


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
