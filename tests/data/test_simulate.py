"""Made worlds: what was asked for, drawn as the formulas say, the same for the same seed, and written whole."""

import doctest
import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

import coterie
import coterie.data.simulate
from coterie.data import draw
from coterie.data.simulate import MadeTables, simulate, write_world
from coterie.data.themes import COMMON, MOST_THEMES, THEMES, WORDS, vocabulary
from coterie.data.world import FULLEST, World, make_world
from coterie.errors import OutputError, SettingsError

FILES = {"events", "items", "users", "true_groups", "true_themes"}


def rows(ids: pl.Series) -> np.ndarray:
    return ids.str.slice(1).cast(pl.Int64).to_numpy() - 1


def counts(made: MadeTables, world: World) -> sparse.csr_array:
    users, items = rows(made.events["user_id"]), rows(made.events["item_id"])
    return sparse.csr_array((np.ones(len(users)), (users, items)), shape=(world.users, world.items))


@st.composite
def worlds(draw_: st.DrawFn) -> World:
    groups = draw_(st.integers(1, 6))
    users, items = draw_(st.integers(groups, 40)), draw_(st.integers(max(groups, FULLEST), 60))
    return World(
        users=users,
        items=items,
        groups=groups,
        events=draw_(st.integers(users, users * (items // FULLEST))),
        difficulty=draw_(st.sampled_from(["easy", "medium", "hard"])),
        language=draw_(st.sampled_from(["en", "zh", "mixed"])),
        days=draw_(st.sampled_from([None, 1, 400])),
        seed=draw_(st.integers(0, 5)),
    )


@given(worlds())
@settings(deadline=None, max_examples=40)
def test_a_world_has_what_was_asked_for(world: World) -> None:
    made = simulate(**asdict(world))
    assert (made.users.height, made.items.height, made.events.height) == (world.users, world.items, world.n_events)
    assert made.events.select("user_id", "item_id").is_unique().all()
    assert set(made.events["user_id"]) == set(made.users["user_id"]) == set(made.true_groups["user_id"])
    assert set(made.events["item_id"]) <= set(made.items["item_id"]) == set(made.true_themes["item_id"])
    assert made.true_groups["group"].is_between(1, world.groups).all()
    assert set(made.true_themes["theme"]) == set(range(1, world.groups + 1))
    assert made.items.null_count().sum_horizontal().item() == 0
    assert (made.items["text"].str.len_chars() > 0).all()
    if world.days is not None:
        span = world.days * draw.SECONDS_A_DAY
        assert made.events["timestamp"].is_between(draw.LAST_SECOND - span, draw.LAST_SECOND, closed="left").all()
    assert ("timestamp" in made.events.columns) == (world.days is not None)


def test_batches_do_not_change_the_number_of_events_and_keep_a_user_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "BATCH_EVENTS", 500)
    world = World(users=300, items=200)
    batches = list(draw.event_batches(world))
    assert len(batches) > 10
    met = [user for batch in batches for user in batch["user_id"].unique()]
    assert len(met) == len(set(met)) == 300
    assert max(batch.height for batch in batches) <= 500
    assert sum(batch.height for batch in batches) == world.n_events


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_events_are_drawn_with_the_probabilities_that_the_oracle_uses(difficulty: str) -> None:
    world = make_world(users=20_000, items=400, groups=4, events=20_000, difficulty=difficulty)  # one event a user
    shares = world.item_shares()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    histories = counts(simulate(**asdict(world)), world)
    for group in range(world.groups):
        drawn = np.asarray(histories[world.user_groups == group].sum(axis=0)).ravel()
        expected = drawn.sum() * shares
        off = ((drawn - expected) ** 2 / expected).mean(axis=1)  # chi-squared, over its degrees of freedom
        assert 0.7 < off[group] < 1.3
        assert np.delete(off, group).min() > 3


def test_activity_is_skewed_and_popularity_has_a_long_tail() -> None:
    world = World()
    activity = np.sort(world.user_events)
    assert activity[0] >= 1
    assert activity[-1] <= world.items // FULLEST
    assert activity[-len(activity) // 10 :].sum() > 0.25 * activity.sum()
    assert activity.mean() > 1.2 * np.median(activity)
    popularity = np.sort(world.popularity)[::-1]
    assert 0.3 < popularity[: world.items // 10].sum() < 0.7


def test_harder_worlds_are_harder_for_the_oracle_and_nobody_is_lost_in_an_easy_one() -> None:
    reached = []
    for difficulty in ("easy", "medium", "hard"):
        world = World(users=3_000, difficulty=difficulty)  # type: ignore[arg-type]
        histories = counts(simulate(**asdict(world)), world)
        reached.append(adjusted_rand_score(world.user_groups, world.oracle(histories)))
    easy, medium, hard = reached
    assert easy > 0.98
    assert 0.9 < medium < easy
    assert 0.6 < hard < 0.8


def test_the_oracle_is_the_largest_posterior() -> None:
    world = World(users=50, items=40, groups=3, events=300)
    histories = counts(simulate(**asdict(world)), world)
    shares = world.item_shares()
    for user, found in enumerate(world.oracle(histories)):
        taken = histories[[user]].indices
        posterior = [np.log(world.group_shares[g]) + sum(np.log(shares[g, i]) for i in taken) for g in range(3)]
        assert found == int(np.argmax(posterior))


def test_texts_are_about_the_theme_and_attributes_hint_at_the_group() -> None:
    world = World(users=20_000, difficulty="easy")
    made = simulate(**asdict(world))
    words = np.array(vocabulary(world.groups, 0)).reshape(-1, WORDS)
    for theme in range(world.groups):
        texts = made.items.filter(made.true_themes["theme"] == theme + 1)["text"].str.split(" ").explode()
        of_theme = texts.is_in(words[theme].tolist()).mean()
        assert 0.55 < of_theme < 0.95
        assert of_theme > 5 * texts.is_in(words[(theme + 1) % world.groups].tolist()).mean()
    table = made.users.with_columns(group=made.true_groups["group"]).pivot(
        "age", index="group", values="user_id", aggregate_function="len"
    )
    shares = table.drop("group").fill_null(0).to_numpy()
    shares = shares / shares.sum(axis=1, keepdims=True)
    apart = np.abs(shares - shares.mean(axis=0)).sum(axis=1) / 2
    assert 0.02 < apart.mean() < 0.3


def test_chinese_and_mixed_texts() -> None:
    def chinese(language: str) -> float:
        items = simulate(users=20, items=300, language=language).items  # type: ignore[arg-type]
        return float(items["text"].str.contains(r"^\p{Han}+$").mean())

    assert [chinese(language) for language in ("en", "zh")] == [0, 1]
    assert 0.4 < chinese("mixed") < 0.6


def test_every_theme_has_its_own_words_in_both_languages() -> None:
    for language in (0, 1):
        single = [word for texts in THEMES.values() for word in texts[language].split()] + COMMON[language].split()
        assert len(single) == len(set(single)) == (len(THEMES) + 1) * WORDS
        themes = np.array(vocabulary(MOST_THEMES, language)).reshape(-1, WORDS)
        assert len({frozenset(words) for words in themes.tolist()}) == MOST_THEMES + 1
        assert all(len(set(words)) == WORDS for words in themes.tolist())


def test_the_same_world_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def digests(seed: int, name: str) -> dict[str, str]:
        write_world(World(users=200, items=50, days=30, seed=seed), tmp_path / name)
        files = sorted((tmp_path / name).iterdir())
        return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}

    first = digests(1, "first")
    assert set(first) == {f"{name}.parquet" for name in FILES} | {"world.json"}
    assert digests(1, "again") == first
    assert all(digest != first[name] for name, digest in digests(2, "other").items())


def test_the_folder_holds_the_frames_and_the_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "BATCH_EVENTS", 700)
    world = World(users=200, items=50, days=30)
    write_world(world, tmp_path / "world")
    for name, frame in simulate(**asdict(world))._asdict().items():
        assert pl.read_parquet(tmp_path / "world" / f"{name}.parquet").equals(frame)
    assert World(**json.loads((tmp_path / "world" / "world.json").read_text())) == world


def test_a_failure_leaves_nothing_behind_and_what_was_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "world"
    write_world(World(users=20, items=50), place)
    before = (place / "events.parquet").read_bytes()
    with pytest.raises(OutputError, match="not empty"):
        write_world(World(users=30, items=50), place)
    whole = draw.event_batches

    def breaking(world: World) -> Iterator[pl.DataFrame]:
        yield from whole(world)
        raise KeyboardInterrupt

    monkeypatch.setattr(coterie.data.simulate, "event_batches", breaking)
    with pytest.raises(KeyboardInterrupt):
        write_world(World(users=30, items=50), place, overwrite=True)
    assert (place / "events.parquet").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["world"]


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"users": 3}, "users cannot be 3 with 3 users, 2,000 items, 8 groups"),
        ({"groups": 0}, "groups cannot be 0"),
        ({"groups": MOST_THEMES + 1}, f"groups cannot be {MOST_THEMES + 1}"),
        ({"items": 5}, "groups cannot be 8"),
        ({"events": 9_999}, "events cannot be 9,999"),
        ({"events": 4_000_001}, "events cannot be 4,000,001"),
        ({"days": 0}, "days cannot be 0"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"difficulty": "mild"}, "difficulty cannot be 'mild'\nhint: it is one of easy, medium, hard"),
        ({"language": "fr"}, "language cannot be 'fr'"),
        ({"user": 3}, "has no 'user'\nhint: did you mean 'users'?"),
    ],
)
def test_what_does_not_go_together_is_told(given_: dict, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        coterie.simulate(**given_)
    assert message in str(refused.value)


def test_examples_in_docstrings_hold() -> None:
    results = doctest.testmod(coterie.data.simulate)
    assert results.attempted > 0
    assert results.failed == 0
