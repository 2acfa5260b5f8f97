"""The commands end to end, in this process and as a person runs them."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import coterie
from coterie.cli.main import main
from coterie.data import ShopTables
from coterie.folder import check_folder

SOURCES = str(Path(coterie.__file__).parents[1])
SMALL = ["--groups", "5", "--encoder", "tfidf", "--quiet"]


@pytest.fixture(scope="module")
def tables(shop_part: ShopTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for name, frame in shop_part._asdict().items():
        frame.write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def model(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that `coterie discover` wrote."""
    folder = tmp_path_factory.mktemp("model") / "model"
    events, items, users = (str(tables / f"{name}.parquet") for name in ("events", "items", "users"))
    assert (
        main(["discover", "--events", events, "--items", items, "--users", users, "--output", str(folder), *SMALL]) == 0
    )
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: str):
    """What a command answers to --json."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_discover_writes_a_whole_model(model: Path) -> None:
    files = set(check_folder(model)["files"])
    assert {"README.md", "config.json", "model.safetensors", "items.parquet", "groups.parquet"} <= files
    assert {"memberships.parquet", "profiles.parquet", "group_recommendations.parquet", "quality.json"} <= files
    assert {"rejected.parquet", "report.html"} <= files
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


def test_groups_lists_every_group_with_its_likes(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "groups", str(model))
    assert [row["group_id"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["size"] for row in rows] == sorted((row["size"] for row in rows), reverse=True)
    assert any(row["likes"] for row in rows)
    assert main(["groups", str(model)]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split() == [
        "group", "name", "users", "share", "gain", "stability", "certified", "what", "they", "like",
    ]  # fmt: skip
    assert all(row["name"] in shown for row in rows)


def test_only_certified_groups_are_listed_and_assigned(
    model: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = answer(capsys, "groups", str(model))
    assert all(row["certificate"] for row in rows)
    certified = {row["group_id"] for row in rows if row["certified"]}
    assert {row["group_id"] for row in answer(capsys, "groups", str(model), "--only-certified")} == certified
    everyone, some = tmp_path / "all.parquet", tmp_path / "some.parquet"
    for file, flags in ((everyone, ()), (some, ("--only-certified",))):
        answer(capsys, "assign", str(model), "--events", str(tables / "events.parquet"), "--output", str(file), *flags)
    expected = pl.read_parquet(everyone).filter(pl.col("group_id").is_in(sorted(certified)))
    assert_frame_equal(pl.read_parquet(some), expected)


def test_profile_finds_a_group_by_number_and_by_name(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_number = answer(capsys, "profile", str(model), "2")
    assert by_number["group"]["group_id"] == 2
    assert {row["facet"] for row in by_number["profile"]} >= {"item", "habit"}
    assert answer(capsys, "profile", str(model), by_number["group"]["name"].upper()) == by_number
    assert main(["profile", str(model), "2", "--top", "3"]) == 0
    assert by_number["group"]["name"] in capsys.readouterr().out


def test_groups_and_profile_tell_the_rules(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "groups", str(model))
    ruled = [row for row in rows if row["rule"]]
    assert ruled and set(ruled[0]["rule"]) == {"rule", "sql", "precision", "recall", "support"}
    assert main(["groups", str(model)]) == 0
    assert ruled[0]["rule"]["rule"] in capsys.readouterr().out
    assert main(["profile", str(model), str(ruled[0]["group_id"])]) == 0
    shown = capsys.readouterr().out
    assert f"rule: {ruled[0]['rule']['rule']} (precision" in shown
    assert "\nexemplar " in shown


def test_compare_shows_two_groups_side_by_side(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "compare", str(model), "1", "3")
    assert (found["a"]["group_id"], found["b"]["group_id"]) == (1, 3)
    assert answer(capsys, "compare", str(model), found["a"]["name"], "3") == found
    assert main(["compare", str(model), "1", "3", "--top", "2"]) == 0
    shown = capsys.readouterr().out
    assert found["a"]["name"] in shown and "recommended items" in shown
    assert found["comparison"][0]["title"] in shown
    assert main(["compare", str(model), "1", "1"]) == 1
    assert "compared with itself" in capsys.readouterr().err
    assert main(["compare", str(model), "1", "99"]) == 1
    assert "there is no group 99" in capsys.readouterr().err


def test_why_explains_a_user(model: Path, tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = str(tables / "events.parquet")
    user = pl.read_parquet(model / "memberships.parquet")["user_id"][0]
    found = answer(capsys, "why", str(model), "--events", events, "--user", user)
    assert found["user_id"] == user
    assert main(["why", str(model), "--events", events, "--user", user, "--top", "3", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"user {user} is in group {found['group_id']}")
    assert found["history"][0]["title"] in shown
    assert main(["why", str(model), "--events", events, "--user", "nobody"]) == 1
    assert "the events have no user 'nobody'" in capsys.readouterr().err


@pytest.mark.parametrize(("wanted", "hint"), [("99", "the groups are 1 to 5"), ("nobody at all", "hint: ")])
def test_a_group_that_is_not_there_is_told(
    wanted: str, hint: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", str(model), wanted]) == 1
    err = capsys.readouterr().err
    assert f"there is no group {'' if wanted.isdigit() else 'called '}" in err
    assert hint in err


def test_assign_writes_memberships(
    model: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "memberships.parquet"
    events = str(tables / "events.parquet")
    summary = answer(capsys, "assign", str(model), "--events", events, "--output", str(output), "--quiet")
    frame = pl.read_parquet(output)
    assert frame.columns == ["user_id", "group_id", "weight", "rank"]
    assert summary == {"output": str(output), "rows": frame.height, "users": frame["user_id"].n_unique()}


def test_a_table_comes_from_standard_input(
    model: Path, tables: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tables / "events.parquet").open("rb") as events:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(events))
        assert main(["assign", str(model), "--events", "-", "--output", "-", "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "user_id,group_id,weight,rank"
    assert len(lines) > 100


def test_recommend_answers_on_standard_output(model: Path, tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = str(tables / "events.parquet")
    call = ["recommend", str(model), "--events", events, "-k", "3", "--explain", "--output", "-", "--quiet"]
    rows = answer(capsys, *call)
    why = {"because", "amounts", "interest", "groups", "trend", "sentence"}
    assert set(rows[0]) == {"user_id", "rank", "item_id", "score", *why}
    assert {row["rank"] for row in rows} == {1, 2, 3}


def test_recommend_keeps_to_the_lists_it_is_given(
    model: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = pl.read_parquet(tables / "items.parquet")["item_id"].head(200)
    items.to_frame().write_csv(tmp_path / "only.csv")
    items.head(100).to_frame().write_csv(tmp_path / "exclude.csv")
    call = ["recommend", str(model), "--events", str(tables / "events.parquet"), "--output", "-", "--quiet"]
    only = answer(capsys, *call, "--only", str(tmp_path / "only.csv"), "--exclude", str(tmp_path / "exclude.csv"))
    assert only
    assert {row["item_id"] for row in only} <= set(items) - set(items.head(100))


def test_recommend_writes_why_to_the_last_digit(
    model: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, lists, parts = str(tables / "events.parquet"), tmp_path / "lists.parquet", tmp_path / "parts.parquet"
    told = answer(
        capsys, "recommend", str(model), "--events", events, "-k", "3", "--explain", "--quiet", "--diversity", "0.3",
        "--parts", str(parts), "--output", str(lists),
    )  # fmt: skip
    assert 0 < told["diversity"] < 2 and told["novelty"] > 0 and 0 < told["coverage"] < 1
    listed = pl.read_parquet(lists)
    assert listed["sentence"].str.len_chars().min() > 5
    sums = pl.read_parquet(parts).group_by("user_id", "item_id").agg(pl.col("amount").sum())
    both = listed.join(sums, on=["user_id", "item_id"])
    assert both.height == listed.height == told["rows"]
    assert (both["amount"] - both["score"]).abs().max() < 1e-5


def test_lists_prints_three_readings_and_writes_them(
    model: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = str(tables / "events.parquet")
    assert main(["lists", str(model), "--events", events, "-k", "2", "--group", "1", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[3:]] == ["loved"] * 2 + ["own"] * 2 + ["next"] * 2
    rows = answer(capsys, "lists", str(model), "--events", events, "-k", "2", "--group", "1", "--quiet")
    assert [row["rank"] for row in rows] == [1, 2] * 3
    told = answer(
        capsys, "lists", str(model), "--events", events, "-k", "2", "--quiet", "--output", str(tmp_path / "lists.csv")
    )
    assert (told["rows"], told["groups"], set(told["own"])) == (30, 5, {"diversity", "novelty", "coverage"})


def test_people_prints_for_one_and_writes_for_all(
    model: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, ask = str(tables / "events.parquet"), ["--user", "18236", "-k", "4", "--quiet"]
    for what, head in (("similar", "user"), ("friends", "user"), ("groups", "group")):
        assert main(["people", what, str(model), "--events", events, *ask]) == 0
        printed = capsys.readouterr().out.splitlines()
        assert head in printed[0].split() and "because of" in printed[0] and "mutual" not in printed[0]
        assert len(printed) == 5
        rows = answer(capsys, "people", what, str(model), "--events", events, *ask)
        assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    told = answer(
        capsys, "people", "groups", str(model), "--events", events, "--quiet", "--output", str(tmp_path / "all.csv")
    )
    assert told["users"] > 500


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["similar", "--social", "EVENTS", "--user", "18236"], 2, "friendships have no part"),
        (["friends"], 2, "nobody is named"),
        (["friends", "--user", "0"], 1, "the events have no user '0'"),
        (["groups", "--user", "18236", "-k", "0"], 1, "cannot suggest 0"),
        (["friends", "--user", "18236", "--social", "EVENTS"], 1, "no column 'src'"),
    ],
)
def test_what_cannot_be_suggested_is_told(
    words: list[str], code: int, message: str, model: Path, tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = str(tables / "events.parquet")
    what, *rest = (events if word == "EVENTS" else word for word in words)
    assert main(["people", what, str(model), "--events", events, "--quiet", *rest]) == code
    error = capsys.readouterr().err
    assert message in error and "hint: " in error


def test_lists_about_which_little_can_be_said_are_told_plainly(
    model: Path, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, items = pl.read_parquet(tables / "events.parquet"), pl.read_parquet(tables / "items.parquet")
    some = events.filter(events["user_id"].is_in(events["user_id"].unique().sort().head(5).implode()))
    some.write_csv(tmp_path / "some.csv")
    items.select("item_id").head(1).write_csv(tmp_path / "one.csv")
    some.with_columns(item_id=pl.lit("unheard of")).write_csv(tmp_path / "strangers.csv")
    given = ["--events", str(tmp_path / "some.csv"), "--only", str(tmp_path / "one.csv"), "--include-seen", "--quiet"]
    assert main(["recommend", str(model), *given, "--output", str(tmp_path / "lists.csv")]) == 0
    said = capsys.readouterr().err
    assert "novelty" in said and "coverage 0." in said and "diversity" not in said
    assert main(["lists", str(model), "--events", str(tmp_path / "strangers.csv"), "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("none: ")
    asked = ["people", "similar", str(model), "--events", str(tmp_path / "strangers.csv"), "--quiet"]
    assert main([*asked, "--user", some["user_id"][0]]) == 0
    assert capsys.readouterr().out.startswith("none: no event of this user counts")


def test_report_tells_its_place_and_writes_itself_anew(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(capsys, "report", str(model)) == {"report": str(model / "report.html")}
    assert main(["report", str(model), "--output", str(tmp_path / "again.html")]) == 0
    assert "<html" in (tmp_path / "again.html").read_text(encoding="utf-8")
    assert main(["report", str(model), "--output", str(tmp_path)]) == 1


def test_doctor_finds_nothing_wrong_here(capsys: pytest.CaptureFixture[str]) -> None:
    checks = {check["what"]: check for check in answer(capsys, "doctor")["checks"]}
    assert checks["encoder"]["ok"]
    assert checks["cache"]["ok"]


def test_doctor_tells_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert main(["doctor"]) == 1
    out, err = capsys.readouterr()
    assert "problem  cache:" in out
    assert "COTERIE_CACHE_DIR" in err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--groups", "0"], "'groups'"),
        (["--groups", "many"], "'groups'"),
        (["--kind-weight", "click=x"], "'kind_weights'"),
    ],
)
def test_a_setting_that_cannot_be_used_exits_with_2(
    flags: list[str], message: str, tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["discover", "--events", str(tables / "events.parquet"), "--output", str(tmp_path / "m"), "--quiet"]
    assert main([*call, *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_folder_in_the_way_is_told_before_the_work(
    model: Path, tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["discover", "--events", str(tables / "no such file.csv"), "--output", str(model)]) == 1
    assert "already holds a model" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "message"), [("m.xlsx", "does not say its format"), ("no/m.csv", "no folder")])
@pytest.mark.parametrize("command", ["assign", "recommend"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(
    command: str, name: str, message: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = [command, str(model), "--events", str(tmp_path / "no such file.csv"), "--output", str(tmp_path / name)]
    assert main(call) == 1
    assert message in capsys.readouterr().err


def test_a_missing_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "events.csv")
    assert main(["discover", "--events", missing, "--output", str(tmp_path / "m"), "--quiet"]) == 1
    assert missing in capsys.readouterr().err


def test_the_demo_replaces_its_own_earlier_result_only(
    shop_part: ShopTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("coterie.data.shop", lambda: shop_part)
    for _ in range(2):
        assert main(["demo", *SMALL]) == 0
    out, err = capsys.readouterr()
    assert "what they like" in out
    assert (tmp_path / "coterie-demo" / "report.html").as_uri() in out
    assert "unexpected" not in err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert main(["demo", "--output", "mine", *SMALL]) == 1
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_half_written(number: signal.Signals, tmp_path: Path) -> None:
    """The whole demo, interrupted while it works; it would take far longer than the wait."""
    process = subprocess.Popen(
        [sys.executable, "-m", "coterie", "demo", "--output", str(tmp_path / "result")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": SOURCES, "COTERIE_CACHE_DIR": str(tmp_path / "cache")},
    )
    cache = tmp_path / "cache"
    deadline = time.monotonic() + 60
    while not cache.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)  # the first thing that the work leaves on the disk
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["cache"]


def test_evaluate_prints_every_method_and_answers_in_json(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events, items = (str(tables / f"{name}.parquet") for name in ("events", "items"))
    call = ["evaluate", "--events", events, "--items", items, "--protocol", "time", "-k", "5", "-k", "20", "--quiet"]
    call += ["--encoder", "tfidf", "--text-prior", "1", "--dimensions", "32"]
    found = answer(capsys, *call)
    assert found["k"] == [5, 20]
    assert {row["method"] for row in found["means"]} == {"coterie", "popular", "popular, week", "text cosine"}
    assert main(call) == 0
    out, err = capsys.readouterr()
    assert "only" in err  # few users were tested
    for k in (5, 20):
        assert f"k = {k}, all items: {found['parts'][0]['users']:,} users tested" in out
    for row in found["means"]:
        if row["metric"] in ("ndcg", "plain_recall", "calibrated_recall"):
            assert f"{row['value']:.4f}" in out
    for row in found["differences"]:
        if row["metric"] == "ndcg":
            assert f"{row['difference']:+.4f}" in out
    assert "plain = hits" in out and "calibrated = hits" in out


def test_evaluate_says_what_tuning_tried(
    tables: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("coterie.evaluate.tune.GRID", {"ridge": (30.0, 3_000.0)})
    events = str(tables / "events.parquet")
    call = ["evaluate", "--events", events, "--encoder", "none", "--tune", "--quiet", "-k", "20"]
    tuning = answer(capsys, *call)["tuning"]
    assert [trial["settings"] for trial in tuning["trials"]] == [{}, {"ridge": 30}, {"ridge": 3_000}]
    assert main(call) == 0
    chosen = f"ridge = {tuning['chosen']['ridge']:g}" if tuning["chosen"] else "nothing changed"
    assert f"3 trials on {tuning['users']} validation users: {chosen}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--protocol", "weeks"], 2, "users, items, time, last, sparse"),
        (["-k", "0"], 2, "k cannot be"),
        (["--protocol", "time"], 1, "--column timestamp=NAME"),
    ],
)
def test_what_cannot_be_evaluated_is_told(
    flags: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events.csv").write_text("user_id,item_id\nu,a\nv,b\n")
    assert main(["evaluate", "--events", str(tmp_path / "events.csv"), "--quiet", *flags]) == code
    assert message in capsys.readouterr().err


def test_simulate_writes_tables_that_discover_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world, call = tmp_path / "world", ["simulate", "--users", "300", "--items", "100", "--groups", "3", "--days", "9"]
    made = answer(capsys, *call, "--difficulty", "easy", "--output", str(world))
    assert made["output"] == str(world)
    assert made["world"]["events"] == pl.read_parquet(world / "events.parquet").height == 6_000  # a fifth of the items
    assert main([*call, "--difficulty", "easy", "--output", str(world)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main([*call, "--difficulty", "easy", "--output", str(world), "--overwrite"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("6,000 events of 300 users on 100 items, 3 groups: ")
    discover = shown.splitlines()[1].replace("MODEL", str(tmp_path / "model")).split()[1:]
    assert main([*discover, "--groups", "3", "--encoder", "tfidf", "--quiet"]) == 0
    memberships = pl.read_parquet(tmp_path / "model" / "memberships.parquet").filter(pl.col("rank") == 1)
    both = memberships.join(pl.read_parquet(world / "true_groups.parquet"), on="user_id")
    agree = both.group_by("group", "group_id").len().group_by("group").agg(pl.col("len").max())["len"].sum()
    assert agree > 0.9 * both.height == 0.9 * 300


def test_a_world_that_cannot_be_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--groups", "9999", "--output", str(tmp_path / "world")]) == 2
    assert "groups cannot be 9,999" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_is_exported_and_compared(shop_part, tiny_models, exported, tmp_path, capsys, monkeypatch) -> None:
    exported("int8")  # or skip
    monkeypatch.chdir(tmp_path)
    assert main(["encoder", "export", str(tiny_models.bert()), "--to", "tiny", "--quiet", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["least_cosine"] > 0.97
    assert said["precision"] == "int8"
    assert main(["encoder", "export", str(tiny_models.bert()), "--to", "tiny", "--quiet"]) == 1
    assert "tiny is not empty" in capsys.readouterr().err
    for name, frame in shop_part._asdict().items():
        frame.write_parquet(f"{name}.parquet")
    call = ["encoder", "compare", "--events", "events.parquet", "--items", "items.parquet", "--quiet", "--json"]
    call += ["--groups", "4", "--text-prior", "1", "--dimensions", "16", "--companions", "0"]
    assert main([*call, "tfidf", "./tiny"]) == 0
    words, tiny = json.loads(capsys.readouterr().out)["encoders"]
    assert (words["encoder"], tiny["encoder"], tiny["dimensions"]) == ("tfidf", "./tiny", 32)
    assert words["difference"] is None
    assert tiny["difference"] == pytest.approx(tiny["cold_ndcg"] - words["cold_ndcg"])
    assert tiny["low"] <= tiny["difference"] <= tiny["high"]
    assert words["text_ndcg"] > tiny["text_ndcg"], "random weights know less of the shop than its words do"
    assert tiny["texts_per_second"] > 0
    assert tiny["tokens"] == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["./nothing"], 1, "encoder folder nothing does not exist"),
        (["tfidf", "tfidf"], 2, "cannot compare tfidf, tfidf"),
        (["tfidff"], 2, "did you mean 'tfidf'?"),
    ],
)
def test_encoders_that_cannot_be_compared_are_told_before_anything_is_read(words, code, message, capsys) -> None:
    assert main(["encoder", "compare", "--events", "none.parquet", "--items", "none.parquet", *words]) == code
    assert message in capsys.readouterr().err
