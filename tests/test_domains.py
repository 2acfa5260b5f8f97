"""Presets: what they set holds where nothing nearer says otherwise, and users and items are called by their words."""

from pathlib import Path
from typing import get_args

import polars as pl
import pytest

import coterie
from coterie.cli.main import main
from coterie.data import ShopTables
from coterie.domains import DOMAINS, DomainName, words_of
from coterie.errors import SettingsError
from coterie.evaluation import evaluate
from coterie.recommend.sentences import WORDINGS, sentences
from coterie.report import collect, render_report
from coterie.settings import domain_facts, make_settings
from coterie.tables import read_tables


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def courses_model(shop_part: ShopTables) -> coterie.Model:
    """The part of the shop as if it were a school."""
    return coterie.discover(*shop_part, groups=3, encoder="tfidf", domain="courses", stability_refits=0)


def test_every_preset_has_a_name_of_its_own_and_settings_that_can_be_used() -> None:
    assert set(DOMAINS) == set(get_args(DomainName))
    for name, domain in DOMAINS.items():
        chosen = make_settings(domain=name)
        for setting, value in domain.settings.items():
            assert getattr(chosen, setting) == value


def test_what_is_nearer_than_the_preset_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preset = DOMAINS["shop"].settings
    assert make_settings(domain="shop", half_life_days=None).half_life_days is None
    assert make_settings(domain="shop", half_life_days=7).half_life_days == 7
    (folder / "coterie.toml").write_text("domain = 'shop'\nhabits = ['spend']\n[kind_weights]\nview = 0.5\nlook = 2\n")
    chosen = make_settings()
    assert chosen.habits == ("spend",)
    assert chosen.kind_weights == {**preset["kind_weights"], "view": 0.5, "look": 2}
    monkeypatch.setenv("COTERIE_HALF_LIFE_DAYS", "9")
    assert make_settings().half_life_days == 9
    assert make_settings(domain="courses").half_life_days == 9
    facts = domain_facts(make_settings())
    assert facts is not None
    assert facts["given"] == {"half_life_days": 9, "habits": ["spend"], "kind_weights": {"view": 0.5, "look": 2}}
    assert facts["set"]["kind_weights"]["purchase"] == 5
    assert "view" not in facts["set"]["kind_weights"]


def test_without_a_domain_nothing_is_preset() -> None:
    assert domain_facts(make_settings()) is None
    assert make_settings().kind_weights == {}
    assert make_settings().habits is None


def test_an_unknown_domain_is_told_with_those_there_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="setting 'domain' cannot be 'store'") as refused:
        make_settings(domain="store")
    assert "shop, media, courses, social" in str(refused.value.hint)
    assert main(["discover", "--events", "e.csv", "--output", "out", "--domain", "store"]) == 2
    assert "'store'" in capsys.readouterr().err
    with pytest.raises(SettingsError, match="setting 'habits' cannot be 'money'"):
        make_settings(habits=["money"])


def test_kinds_of_weight_0_are_left_out_and_only_kinds_that_were_named_are_missed() -> None:
    events = pl.DataFrame(
        {
            "user_id": ["a", "a", "b", "b"],
            "item_id": ["x", "y", "x", "z"],
            "kind": ["purchase", "impression", "view", "gift"],
        }
    )
    read = read_tables(events, settings=make_settings(domain="shop"))
    assert sorted(read.events.weight.tolist()) == [1, 1, 5]
    assert read.accounting["events"].rejected == {"kind 'impression' has weight 0": 1}
    assert read.warnings == ("kinds without a weight in kind_weights weigh 1: gift",)
    read = read_tables(events, settings=make_settings(domain="shop", kind_weights={"gift": 2, "loan": 3}))
    assert read.warnings == ("kind_weights names kinds that no event has: loan",)
    read = read_tables(events.drop("kind"), settings=make_settings(domain="shop"))
    assert read.warnings == ("domain 'shop' weighs events by kind, but the events have no column 'kind'",)


def test_a_profile_shows_the_habits_of_the_preset(courses_model: coterie.Model, shop_model: coterie.Model) -> None:
    def habits(model: coterie.Model) -> set[str]:
        return set(model.profiles.filter(facet="habit")["value"])

    left_out = habits(shop_model) - habits(courses_model)
    assert {"spend per user", "repeat share", "hour 12"} <= left_out
    assert {"items per user", "active days per user", "Monday"} <= habits(courses_model)


def test_descriptions_and_the_report_speak_of_learners_and_courses(courses_model: coterie.Model) -> None:
    for description in courses_model.groups["description"]:
        assert " learners who take " in description or " learners; " in description
        assert description.endswith(" per learner (median).")
    page = render_report(collect(courses_model))
    assert "learners, 3 groups of shared interest" in page
    assert "Courses per learner" in page
    assert "all users" not in page and "Most telling item" not in page
    assert courses_model.quality["domain"]["name"] == "courses"
    assert courses_model.quality["domain"]["given"] == {}


def test_reasons_are_told_in_the_preset_s_words(courses_model: coterie.Model, shop_part: ShopTables) -> None:
    busiest = shop_part.events["user_id"].value_counts(sort=True)["user_id"][0]
    told = courses_model.recommend(shop_part.events.filter(user_id=busiest), 5, explain=True)["sentence"]
    assert told.str.contains("Because you took “").any()


def test_every_phrase_of_every_preset_makes_a_sentence() -> None:
    known = pl.DataFrame({"titles": [["A"]], "interest": [1.0], "groups": [0.0], "trend": [0.0], "group": ["G"]})
    unknown = known.with_columns(interest=0.0, groups=1.0, group=pl.lit(None, dtype=pl.String))
    for name, domain in DOMAINS.items():
        assert set(domain.phrases) == set(WORDINGS)
        for language, phrases in domain.phrases.items():
            assert phrases.because.count("{}") == 1
            said = sentences(known, language, name)[0]
            assert "A" in said and said != sentences(known, language)[0]
            assert phrases.everyone[1:] in sentences(unknown, language, name)[0]


def test_prompts_speak_of_the_preset_s_users() -> None:
    from coterie.profiles.chat_names import _Naming
    from coterie.profiles.evidence import Catalogue

    def system(domain: str | None) -> str:
        naming = _Naming(Catalogue((), "en", frozenset(), domain), None, {}, {})  # type: ignore[arg-type]
        return naming.said("system")

    assert "They are readers, and what they read is articles." in system("media")
    assert "They are" not in system(None)


def test_a_half_life_without_times_is_told_and_stands_in_nobody_s_way(shop_part: ShopTables) -> None:
    events = shop_part.events.drop("timestamp").head(4_000)
    model = coterie.discover(events, groups=2, encoder="none", domain="media", stability_refits=0)
    assert "half_life_days is 365, but the events have no timestamp: all count alike" in model.quality["warnings"]
    assert evaluate(events, protocol="last", domain="media", encoder="none", groups=2).means.height


def test_the_command_line_says_what_the_preset_set(
    folder: Path, shop_part: ShopTables, capsys: pytest.CaptureFixture[str]
) -> None:
    shop_part.events.write_parquet(folder / "events.parquet")
    flags = ["--groups", "2", "--encoder", "none", "--stability-refits", "0", "--quiet"]
    given = ["--domain", "social", "--habit", "spend", "--habit", "hours", "--kind-weight", "like=7"]
    assert main(["discover", "--events", "events.parquet", "--output", "model", *flags, *given]) == 0
    said = capsys.readouterr().err
    assert f"domain social: users are {words_of('social').users}, items are interests; it set" in said
    assert "half_life_days: 365" in said
    assert "habits as given: spend, hours" in said
    assert "kind_weights as given: like 7" in said
    assert coterie.Model.load(folder / "model").settings.domain == "social"
