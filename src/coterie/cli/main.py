"""The `coterie` command: its list of commands, and how every way of ending becomes an exit code.

    0 done · 1 failed · 2 wrong usage or setting · 130 interrupted

A command's module is imported when the command is called, so that `coterie --help` loads no library but the parser.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Final

from cyclopts import App, CycloptsError

from coterie import __version__
from coterie.errors import CoterieError, SettingsError

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

COMMANDS: Final = {
    "demo": ("coterie.cli.discover:demo", "Find the groups of a real shop's customers; the data ships inside."),
    "discover": ("coterie.cli.discover:discover", "Find the groups in a log of events and write a model folder."),
    "assign": ("coterie.cli.apply:assign", "Say which groups users belong to, also new ones; nothing is refitted."),
    "recommend": ("coterie.cli.apply:recommend", "Recommend items to users, also new ones, from their histories."),
    "lists": ("coterie.cli.apply:lists", "List what each group loves, what is its own, and what is next for it."),
    "people": ("coterie.cli.people:people", "Suggest users like a user, users to meet, and groups for a user."),
    "groups": ("coterie.cli.show:groups", "List the groups of a model, and the broad groups they are in."),
    "profile": ("coterie.cli.show:profile", "Show what sets one group apart."),
    "compare": (
        "coterie.cli.explain:compare",
        "Show two groups side by side: what each has that the other has not.",
    ),
    "why": ("coterie.cli.explain:why", "Say why a user is in his group, and what would move him to another."),
    "update": ("coterie.cli.update:update", "Add events to a model, without finding its groups anew."),
    "evolve": ("coterie.cli.evolve:evolve", "Follow groups of users over time, and say who moved."),
    "report": ("coterie.cli.show:report", "Say where a model's report lies, or write it anew."),
    "evaluate": ("coterie.cli.evaluate:evaluate", "Judge recommendations on data kept back, beside simple references."),
    "simulate": (
        "coterie.cli.simulate:simulate",
        "Make a log with planted groups, to try things on: events, items, users, and the truth.",
    ),
    "encoder export": (
        "coterie.cli.encoder:export",
        "Write an encoder as an ONNX folder, smaller and quicker, and measure what that costs.",
    ),
    "encoder compare": (
        "coterie.cli.encoder:compare",
        "Say which encoder is worth it on these data: for new items, for groups, in time and in cost.",
    ),
    "items describe": (
        "coterie.cli.items:describe",
        "Have a chat model describe items that have little text, for discover --items.",
    ),
    "pretrain": (
        "coterie.cli.pretrain:pretrain",
        "Train a text encoder further on your items and events, for --encoder.",
    ),
    "doctor": (
        "coterie.cli.doctor:doctor",
        "Check the installation: versions, memory, cache, encoder, chat model, extras.",
    ),
}
"""Command → where it lies, and its line in `coterie --help`."""

app = App(
    name="coterie",
    help="Find the groups of users who share interests, see why, and recommend to each.",
    help_epilogue="Settings come from flags, then COTERIE_* variables, then coterie.toml, then defaults.",
    version=__version__,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
)
_FAMILIES: Final = {
    "encoder": "Make an encoder smaller and quicker, or find the one that is worth it.",
    "items": "Make more of the items' text.",
}
"""First word of commands of two words → its line in `coterie --help`."""
_apps = {"": app}
for _position, (_name, (_place, _help)) in enumerate(COMMANDS.items()):
    _of, _, _last = _name.rpartition(" ")
    if _of not in _apps:
        _apps[_of] = App(name=_of, help=_FAMILIES[_of], sort_key=_position)
        app.command(_apps[_of])
    _apps[_of].command(_place, name=_last, help=_help, sort_key=_position)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `coterie`; None: those of this process.

    Returns:
        The exit code.
    """
    if argv is None:
        sys.excepthook = _tell_unexpected
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        with _ended_like_ctrl_c():
            if "--help" in words or "-h" in words:
                _help_in_full(words)
            code = app(words)
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except CycloptsError as error:
        _tell(str(error), "coterie --help lists the commands; coterie COMMAND --help lists its flags")
        return USAGE
    except CoterieError as error:
        _tell(error.message, error.hint)
        return USAGE if isinstance(error, SettingsError) else FAILED
    except BrokenPipeError:
        # Whoever read our output has had enough (`| head`): no failure, but nothing may be flushed into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code if isinstance(code, int) else DONE


def _help_in_full(words: Sequence[str]) -> None:
    """Let a command's own help be its docstring, examples and all; the list of commands has the first line of it."""
    for count in (2, 1):
        command = " ".join(words[:count])
        if command in COMMANDS:
            found = app
            for word in words[:count]:
                found = found[word]
            paragraphs = (inspect.getdoc(found.default_command) or "").split("\n\n")
            found.help = "\n\n".join(" ".join(one.split()) for one in paragraphs)  # the terminal breaks the lines
            return


def _tell(message: str, hint: str | None) -> None:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)


def _tell_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """One line for an error nobody foresaw; Python exits with 1 after it."""
    if os.environ.get("COTERIE_DEBUG"):
        sys.__excepthook__(kind, error, trace)
        return
    _tell(
        f"unexpected {kind.__name__}: {error}",
        "this is a defect in Coterie; COTERIE_DEBUG=1 in the environment shows where it happened",
    )


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """While a command runs, SIGTERM unwinds it like Ctrl-C, so nothing half-written is left."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread: whoever runs us there handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
