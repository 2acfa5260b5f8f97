from __future__ import annotations

import re

import numpy as np
import pytest

from coterie.language.words import stop_words
from coterie.profiles.candidates import read_phrasebook
from coterie.profiles.casing import Casing
from coterie.profiles.names import name_groups
from coterie.profiles.profile import profile_groups
from coterie.settings import Settings


def named(dataset, groups, n_groups, language=None, **given):
    given = Settings(**given)
    profiles = profile_groups(dataset, groups, n_groups=n_groups, settings=given)
    return name_groups(profiles, read_phrasebook(dataset.items, language), n_groups=n_groups)


@pytest.fixture(scope="module")
def shop_names(shop_data, shop_groups):
    return named(shop_data, shop_groups, 12)


def phrases(names):
    return [phrase for name in names["name"] for phrase in name.split(", ")]


def test_the_columns_are_those_promised(shop_names):
    assert shop_names.columns == ["group_id", "name", "description", "named_by"]
    assert shop_names["group_id"].to_list() == list(range(1, 13))
    assert set(shop_names["named_by"]) == {"keywords"}


def test_names_of_the_shop_are_short_and_plain(shop_names):
    stop = stop_words("en")
    for name in shop_names["name"]:
        assert name and name[0].isupper() and len(name) <= 90
        assert 1 <= len(name.split(", ")) <= 3
        assert not re.search(r"[\d<>|#@_]", name)
        words = [word.lower() for word in re.findall(r"[^\W\d_]+", name)]
        assert not set(words) & (stop - {"t"}), name


def test_the_shop_has_groups_that_a_person_would_name_alike(shop_names):
    text = " / ".join(shop_names["name"]).lower()
    assert sum(word in text for word in ("christmas", "bags", "teacup", "lunch box", "water bottle", "t-light")) >= 4, (
        text
    )


def test_siblings_have_different_names_and_different_heads(shop_names):
    assert shop_names["name"].n_unique() == 12
    firsts = [set(name.split(", ")[0].lower().split()) for name in shop_names["name"]]
    for at, first in enumerate(firsts):
        assert not any(first & other for other in firsts[:at]), firsts


def test_no_phrase_repeats_a_word_of_its_name(shop_names):
    for name in shop_names["name"]:
        words = [word.lower().rstrip("s") for word in re.findall(r"[\w-]+", name)]
        assert len(words) == len(set(words)), name


def test_no_phrase_is_an_item(shop_data, shop_names):
    titles = {title.lower() for title in shop_data.items["title"]}
    assert not titles & {phrase.lower() for phrase in phrases(shop_names)}


def test_sizes_and_colours_do_not_stand_alone(shop_names):
    poor = {"red", "white", "pink", "blue", "large", "small", "set", "pack", "mini", "jumbo", "assorted colours"}
    assert not poor & {phrase.lower() for phrase in phrases(shop_names)}


def test_a_description_says_how_many_and_what_and_how_much_more(shop_groups, shop_names):
    sizes = np.bincount(shop_groups)
    for size, text in zip(sizes, shop_names["description"], strict=True):
        assert text.startswith(f"{size} users who take “")
        assert re.search(r"\d+\.\d times as often as everyone", text)
        assert text.endswith(".") and text.count(".") <= 3


def test_the_same_input_gives_the_same_names(shop_data, shop_groups, shop_names):
    assert named(shop_data, shop_groups, 12).equals(shop_names)


def test_one_group_of_all_users_has_broad_taste(shop_data):
    assert named(shop_data, np.zeros(shop_data.users.height, np.int32), 1)["name"].to_list() == ["Broad taste"]


def test_groups_of_items_without_text_are_numbered(make):
    pairs = [(user, (user >= 50) * 5 + item) for user in range(100) for item in range(5)]
    found = named(make(pairs, [""] * 10, n_users=100), np.repeat([0, 1], 50).astype(np.int32), 2)
    assert found["name"].to_list() == ["Group 1", "Group 2"]
    assert found["description"].to_list()[0] == "50 users; 5 items per user (median)."


def test_a_group_too_small_for_a_profile_still_has_a_name(make):
    found = named(make([(0, 0)], ["Lamp"], n_users=1), np.zeros(1, np.int32), 1)
    assert found["name"].to_list() == ["Broad taste"]
    assert found["description"].to_list() == ["A group of few users."]


def test_a_planted_theme_is_found(make):
    draws = np.random.default_rng(0)
    things = ("candle holder", "garden chair", "paper napkin", "door bell")
    colours = ("Red", "Blue", "Large", "Old", "Tall", "Pale", "Odd", "Round", "Flat", "Green")
    titles = [f"{colour} {thing}" for thing in things for colour in colours]
    groups = np.repeat(np.arange(4), 100).astype(np.int32)
    pairs = [
        (user, int(item))
        for user in range(400)
        for item in np.where(
            draws.random(8) < 0.8, groups[user] * 10 + draws.integers(0, 10, 8), draws.integers(0, 40, 8)
        )
    ]
    found = named(make(pairs, titles, n_users=400), groups, 4, language="en")  # "door" alone would be Dutch
    assert found["name"].to_list() == ["Candle holder", "Garden chair", "Paper napkin", "Door bell"]


def test_films_are_named_by_category_and_by_name(real):
    found = named(*real("ml-100k", 8), 8)
    text = " / ".join(found["name"])
    assert (
        sum(genre.lower() in text.lower() for genre in ("Film-Noir", "Action", "Children", "Drama", "Horror")) >= 3
    ), text
    assert found["name"].n_unique() == 8


def test_chinese_names_are_chinese(real):
    dataset, groups = real("mooccubex", 10)
    found = named(dataset, groups, 10)
    for name, text in found.select("name", "description").iter_rows():
        assert re.search("[\u4e00-\u9fff]", name) and not re.search("[0-9]", name), name
        for word in re.findall("[A-Za-z]+", name):  # a proper name such as Python, never a stray English word
            assert word[0].isupper() and dataset.items["text"].str.contains(word, literal=True).sum() >= 10, name
        assert text.endswith("。") and "位用户" in text
        marks = re.findall("[\u4e00-\u9fff]+", name)
        assert len(marks) == len(set(marks))


def test_authors_keep_their_capitals(real):
    found = named(*real("goodbooks-10k-v1", 8), 8)
    capitals = [phrase for phrase in phrases(found) if re.fullmatch(r"[A-Z]\w+ [A-Z]\w+", phrase)]
    assert len(capitals) >= 5, found["name"].to_list()


def test_a_catalogue_in_capitals_is_written_small():
    assert Casing(["RED MUG", "BLUE MUG"], [], ["mug", "red"]).phrase("red mug") == "red mug"


def test_titles_tell_capitals_where_running_text_does_not():
    titles = ["Learn JavaScript now", "More JavaScript"]
    assert Casing(titles, [], ["javascript"]).phrase("javascript") == "JavaScript"
    assert (
        Casing(["The Glass Bottle"], ["a glass bottle, the bottle, one bottle"], ["bottle"]).phrase("bottle")
        == "bottle"
    )
