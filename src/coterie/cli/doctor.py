"""`coterie doctor`: what this installation is made of, and what is wrong with it."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from coterie import __version__
from coterie.cli.options import Json
from coterie.cli.output import print_json
from coterie.errors import CoterieError

LEAST_MEMORY: Final = 2_000_000_000
"""Bytes of memory that a run on a million events may take."""


def doctor(*, json: Json = False) -> int:
    """Check the installation: versions, memory, cache, encoder, chat model, extras.

    Each line begins with ok or problem; exits with 1 where there is a problem.

    coterie doctor
    """
    checks = [_python(), *_packages(), _processors(), _memory(), _cache(), _encoder(), _chat(), *_extras()]
    problems = [check for check in checks if not check["ok"]]
    if json:
        print_json({"coterie": __version__, "ok": not problems, "checks": checks})
    else:
        for check in checks:
            print(f"{'ok     ' if check['ok'] else 'problem'}  {check['what']}: {check['found']}")
        for check in problems:
            print(f"hint: {check['hint']}", file=sys.stderr)
    return 1 if problems else 0


def _check(what: str, found: str, *, ok: bool = True, hint: str = "", **facts: Any) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok, "hint": hint, **facts}


def _python() -> dict[str, Any]:
    return _check("coterie", f"{__version__} on Python {platform.python_version()}, {platform.platform(terse=True)}")


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Names of the packages Coterie needs, and of those each extra needs."""
    try:
        lines = metadata.requires("coterie") or []
    except metadata.PackageNotFoundError:
        return [], {}
    core: list[str] = []
    extras: dict[str, list[str]] = {}
    for line in lines:
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        (extras.setdefault(extra[1], []) if extra else core).append(name)
    return core, extras


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> list[dict[str, Any]]:
    core, _ = _requirements()
    if not core:
        return [_check("packages", "coterie runs from its source folder; it is not installed as a package")]
    found = {package: _version(package) for package in core}
    missing = [package for package, version in found.items() if version is None]
    listed = ", ".join(f"{package} {version or 'missing'}" for package, version in found.items())
    return [_check("packages", listed, ok=not missing, hint="pip install --force-reinstall coterie", versions=found)]


def _processors() -> dict[str, Any]:
    import numpy  # noqa: F401 - loads the libraries whose threads are counted
    from threadpoolctl import threadpool_info

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pools = [f"{pool['internal_api']} {pool['num_threads']} threads" for pool in threadpool_info()]
    return _check("processors", f"{cores} cores; {', '.join(pools) or 'no thread pools'}", cores=cores)


def _memory() -> dict[str, Any]:
    try:
        page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
        free = page * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return _check("memory", "this system does not tell")
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file() and (line := re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())):
        free = int(line[1]) * 1024
    return _check(
        "memory",
        f"{free / 1e9:.1f} GB free of {page * pages / 1e9:.1f} GB",
        ok=free >= LEAST_MEMORY,
        hint=f"a run on a million events may take {LEAST_MEMORY / 1e9:.0f} GB; close other programs",
        free_bytes=free,
        total_bytes=page * pages,
    )


def _cache() -> dict[str, Any]:
    from coterie.stages import cache_folder

    folder = cache_folder()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return _check(
            "cache",
            f"{folder} cannot be written ({error.strerror})",
            ok=False,
            hint="set COTERIE_CACHE_DIR to a folder that can be written; until then every run encodes all text again",
            folder=str(folder),
        )
    return _check("cache", f"{folder}, {size / 1e6:.1f} MB, writable", folder=str(folder), bytes=size)


def _encoder() -> dict[str, Any]:
    start = time.perf_counter()
    try:
        from coterie.language import make_encoder

        vector = make_encoder("bundled").encode(["cosy mysteries with cats"])
    except (CoterieError, ImportError, OSError) as error:
        return _check(
            "encoder", f"bundled does not load: {error}", ok=False, hint="pip install --force-reinstall coterie"
        )
    seconds = time.perf_counter() - start
    return _check(
        "encoder",
        f"bundled, {vector.shape[1]} dimensions, one sentence in {seconds:.2f} s with loading",
        seconds=round(seconds, 3),
    )


def _chat() -> dict[str, Any]:
    """Whether a chat model is set; it is not asked anything, and its key is not shown."""
    from coterie.language.calls import make_chat
    from coterie.language.local import LocalChat
    from coterie.settings import make_settings

    try:
        settings = make_settings()
        chat = make_chat(settings)
    except CoterieError as error:
        return _check("chat model", error.message, ok=False, hint=error.hint or "")
    if chat is None:
        return _check("chat model", "none is set, groups are named from keywords", set=False)
    if isinstance(chat, LocalChat):
        return _check("chat model", f"{chat.name}, run on this machine from {chat.file}", set=True)
    key = "with a key" if settings.chat_api_key else "without a key"
    return _check("chat model", f"{chat.name} at {settings.chat_base_url}, {key}", set=True)


def _extras() -> list[dict[str, Any]]:
    _, extras = _requirements()
    checks = []
    for extra, packages in sorted(extras.items()):
        missing = [package for package in packages if _version(package) is None]
        found = f"not installed (pip install 'coterie[{extra}]')" if missing else "installed"
        checks.append(_check(f"extra {extra}", found, installed=not missing))
    return checks
