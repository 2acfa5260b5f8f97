"""Every command and every flag has help and an entry in docs/commands.md."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from coterie.cli.apply import REASON_SETTINGS
from coterie.cli.main import COMMANDS, app, main
from coterie.cli.options import INTEREST_SETTINGS, SCORE_SETTINGS, TABLE_SETTINGS
from coterie.settings import SECRETS, Settings

DOCS = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def arguments(command: str):
    """Arguments of a command as the parser sees them."""
    found = app
    for word in command.split():
        found = found[word]
    return found.assemble_argument_collection()


def entry(command: str) -> str:
    """The command's part of docs/commands.md."""
    found = re.search(rf"^## coterie {command}\n(.*?)(?=^## )", DOCS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no entry '## coterie {command}'"
    return found[1]


def is_setting(argument) -> bool:
    return "Settings" in {group.name for group in argument.parameter.group or ()}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_line_of_help_is_the_first_line_of_the_docstring(command: str) -> None:
    place, line = COMMANDS[command]
    module, _, function = place.partition(":")
    docstring = getattr(import_module(module), function).__doc__
    assert docstring.splitlines()[0] == line


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_all_and_gives_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = COMMANDS[command][0]
    assert main([*command.split(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    module, _, function = place.partition(":")
    told = [" ".join(one.split()) for one in inspect.getdoc(getattr(import_module(module), function)).split("\n\n")]
    assert all(paragraph in shown for paragraph in told)
    assert told[-1].startswith(f"coterie {command}")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_has_help(command: str) -> None:
    silent = [argument.name for argument in arguments(command) if not (argument.parameter.help or "").strip()]
    assert silent == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_flag_is_documented(command: str) -> None:
    described = entry(command)
    assert f"\ncoterie {command}" in described, "an example"
    flags = {
        argument.name for argument in arguments(command) if argument.name.startswith("-") and not is_setting(argument)
    }
    documented = set(re.findall(r"^\| `(--?[a-z-]+)`", described, re.MULTILINE))
    assert documented == flags
    assert ("#settings" in described) == (command in {"demo", "discover"})


def test_every_setting_is_documented_with_its_meaning_and_default() -> None:
    rows = re.findall(r"^\| (?:`--[a-z-]+.*?|no flag) \| `(\w+)` \| (.*?) \| (.*?) \|$", DOCS, re.MULTILINE)
    documented = {name: (meaning, default) for name, meaning, default in rows}
    expected = {name: (field.description, default_text(field.default)) for name, field in Settings.model_fields.items()}
    assert documented == expected


def default_text(default: object) -> str:
    if default is None or default == {}:
        return "none"
    return {True: "yes", False: "no"}[default] if isinstance(default, bool) else str(default)


def test_discover_takes_every_setting_and_assign_those_of_the_events_table() -> None:
    def settings(command: str) -> set[str]:
        return {argument.name for argument in arguments(command) if is_setting(argument)}

    def flags(names) -> set[str]:
        tables = {"columns": "--column", "kind_weights": "--kind-weight", "habits": "--habit"}
        return {tables.get(name, "--" + name.replace("_", "-")) for name in names}

    public = set(Settings.model_fields) - set(SECRETS)
    assert settings("discover") == flags(public)
    assert settings("assign") == flags(TABLE_SETTINGS)
    assert settings("lists") == flags({*TABLE_SETTINGS, "half_life_items"})
    assert settings("recommend") == flags({*TABLE_SETTINGS, "half_life_items", *REASON_SETTINGS})
    assert settings("people") == flags(TABLE_SETTINGS)
    assert settings("evaluate") == flags(["domain", *TABLE_SETTINGS, *INTEREST_SETTINGS, *SCORE_SETTINGS])
    assert settings("demo") == flags(public - set(TABLE_SETTINGS))
