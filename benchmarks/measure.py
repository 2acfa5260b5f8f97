"""Whole commands, timed from outside: wall seconds, processor seconds and peak memory as the kernel counted them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    processor: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s wall, {self.processor:.1f} s processor, {self.megabytes:,.0f} MB peak"


def cost_of(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None) -> Cost:
    """Run a command to its end and say what it took; stop the benchmark where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **(env or {})}, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}:\n{said.decode()}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def verdict(what: str, measured: float, ask: float, unit: str, *, at_most: bool = True) -> None:
    """Print a figure beside the ask."""
    met = measured <= ask if at_most else measured >= ask
    sign = "≤" if at_most else "≥"
    print(f"{what}: {measured:.3g} {unit} (ask {sign} {ask:g}) {'met' if met else 'NOT MET'}")
