"""Settings come from the call, the environment, `coterie.toml` and the defaults, in that order; mistakes are told."""

from pathlib import Path

import pytest

from coterie.errors import SettingsError
from coterie.settings import Settings, make_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_nearer_source_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_settings().seed == 0
    (folder / "coterie.toml").write_text("seed = 1\ngroups = 12\n[columns]\nuser_id = 'CustomerID'\n")
    assert make_settings().seed == 1
    assert make_settings().columns == {"user_id": "CustomerID"}
    monkeypatch.setenv("COTERIE_SEED", "2")
    assert make_settings().seed == 2
    assert make_settings(seed=3).seed == 3
    assert make_settings(seed=3).groups == 12


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_settings().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"sed": 1}, "unknown setting 'sed'", "did you mean 'seed'?"),
        ({"zzzzzz": 1}, "unknown setting 'zzzzzz'", "the settings are domain, columns, "),
        ({"beta": 2}, "setting 'beta' cannot be 2: ", "How much long histories are damped."),
        ({"groups": "many"}, "setting 'groups' cannot be 'many'", "Number of groups, or auto"),
        ({"groups": "-3"}, "'-3': input should be 'auto' or greater than or equal to 1", "Number of groups, or auto"),
        ({"kind_weights": {"click": "x"}}, "setting 'kind_weights' cannot be 'x'", "Weight of each event kind"),
    ],
)
def test_a_mistake_is_told_with_the_value_and_a_way_out(given: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make_settings(**given)
    assert message in refused.value.message
    assert hint in str(refused.value.hint)


def test_a_misspelt_setting_in_the_file_is_told(folder: Path) -> None:
    (folder / "coterie.toml").write_text("sed = 3\n")
    with pytest.raises(SettingsError, match=r"unknown setting 'sed' in coterie\.toml"):
        make_settings()


def test_a_broken_file_is_told(folder: Path) -> None:
    (folder / "coterie.toml").write_text("seed = [\n")
    with pytest.raises(SettingsError, match=r"coterie\.toml cannot be read"):
        make_settings()


def test_other_variables_of_ours_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", "/somewhere")
    monkeypatch.setenv("COTERIE_DEBUG", "1")
    assert make_settings() == Settings()
