"""The social table: pairs of users, whatever the direction, with every row accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from coterie.errors import DataError
from coterie.keeping import STAGES
from coterie.settings import make_settings
from coterie.stages import Stage
from coterie.tables import Dataset, fingerprint_sources, open_sources, read_tables, write_table

EVENTS = pl.DataFrame({"user_id": ["007", "7", "é va", "汉"], "item_id": ["x", "y", "x", "y"]})
FRIENDS = pl.DataFrame(
    {
        "src": ["007", "7", "汉", "汉", "nobody", None, "7", "é va"],
        "dst": ["7", "007", "é va", "汉", "7", "7", "", "stranger"],
        "weight": [1, 2, 3, 4, 5, 6, 7, 8],
    }
)


def read(social: object, **settings: object) -> Dataset:
    return read_tables(EVENTS, social=social, settings=make_settings(**settings))


def test_rows_become_pairs_or_have_a_reason() -> None:
    dataset = read(FRIENDS)
    ids = dataset.users["user_id"]
    assert [[ids[one], ids[other]] for one, other in dataset.social.tolist()] == [["007", "7"], ["é va", "汉"]]
    accounting = dataset.accounting["social"]
    assert (accounting.rows, accounting.kept, accounting.repeated) == (8, 2, 1)
    assert accounting.rejected == {
        "dst is a user without events": 1,
        "dst is empty": 1,
        "src and dst are the same user": 1,
        "src is a user without events": 1,
        "src is empty": 1,
    }
    assert "2 of the 8 rows of table 'social' name a user without events" in dataset.warnings
    shown = dataset.rejected.filter(pl.col("row") == 5)
    assert shown.rows() == [("social", 5, "src is a user without events", '{"src":"nobody","dst":"7"}')]


def test_the_matrix_is_symmetric_and_has_no_weights() -> None:
    joined = read(FRIENDS).joined()
    assert joined.dtype == np.float32
    np.testing.assert_array_equal(joined.toarray(), [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])


def test_without_the_table_nothing_is_known() -> None:
    dataset = read(None)
    assert dataset.social is None
    assert dataset.joined() is None
    assert "social" not in dataset.accounting


people = st.sampled_from(["007", "7", "é va", "汉", "", "stranger", " 7 "])


@given(st.lists(st.tuples(people, people), max_size=30))
def test_every_row_is_accounted_for_and_direction_does_not_count(rows: list[tuple[str, str]]) -> None:
    good = [("007", "7")]
    one, other = (
        read(pl.DataFrame(given_rows, schema=["src", "dst"], orient="row"))
        for given_rows in (good + rows, [(dst, src) for src, dst in good + rows])
    )
    np.testing.assert_array_equal(one.social, other.social)
    accounting = one.accounting["social"]
    assert accounting.rows == len(rows) + 1
    assert accounting.rows == accounting.kept + accounting.repeated + sum(accounting.rejected.values())
    assert accounting.kept == len(one.social) == len({tuple(pair) for pair in one.social.tolist()})
    expected = {tuple(sorted(row)) for row in good + rows if row[0] != row[1] and set(row) <= set(EVENTS["user_id"])}
    assert accounting.kept == len(expected)
    assert one.rejected.filter(pl.col("table") == "social").height == sum(accounting.rejected.values())


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".tsv", ".jsonl", ".csv.gz", ".jsonl.zst"])
def test_every_format_gives_the_same_pairs(ending: str, tmp_path: Path) -> None:
    write_table(FRIENDS, tmp_path / f"social{ending}")
    dataset = read(tmp_path / f"social{ending}")
    np.testing.assert_array_equal(dataset.social, read(FRIENDS).social)
    assert dataset.accounting == read(FRIENDS).accounting


def test_numbers_are_ids_and_foreign_names_are_mapped() -> None:
    events = pl.DataFrame({"user_id": [1, 2], "item_id": ["x", "y"]})
    follows = pl.DataFrame({"follower": [2.0], "followee": [1.0]})
    settings = make_settings(columns={"src": "follower", "dst": "followee"})
    assert read_tables(events, social=follows, settings=settings).social.tolist() == [[0, 1]]
    with pytest.raises(DataError, match=r"has no column 'src' \(it has follower, followee\)\nhint: map it .*follower"):
        read_tables(events, social=follows, settings=make_settings())


def test_files_of_one_table_may_lack_a_column(tmp_path: Path) -> None:
    FRIENDS.select("src", "dst").write_csv(tmp_path / "1.csv")
    FRIENDS.select("src").head(2).write_csv(tmp_path / "2.csv")
    accounting = read(str(tmp_path / "*.csv")).accounting["social"]
    assert (accounting.rows, accounting.rejected["dst is empty"]) == (10, 3)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [("a", "b"), ("7", "7")],
            "joins no two users of the events: of its 2 rows 1 rejected: src and dst are the same",
        ),
        ([], "table 'social' has no rows"),
    ],
)
def test_a_table_that_joins_nobody_is_refused(rows: list[tuple[str, str]], said: str) -> None:
    frame = pl.DataFrame(rows, schema={"src": pl.String, "dst": pl.String}, orient="row")
    with pytest.raises(DataError, match=said):
        read(frame)


def test_lists_are_no_ids() -> None:
    with pytest.raises(DataError, match="column 'dst' of table 'social' holds List"):
        read(pl.DataFrame({"src": ["7"], "dst": [["007"]]}))


def test_the_fingerprint_and_the_kept_stage_hold_the_table() -> None:
    settings = make_settings()
    dataset = read(FRIENDS)
    mark = fingerprint_sources(EVENTS, None, None, settings, FRIENDS)
    assert dataset.fingerprint == mark
    assert mark != fingerprint_sources(EVENTS, None, None, settings)
    assert mark != fingerprint_sources(EVENTS, None, None, settings, FRIENDS.head(3))
    with open_sources(EVENTS, social=FRIENDS) as sources:
        assert sources.fingerprint(settings) == mark
    for given_dataset in (dataset, read(None)):
        again = STAGES["tables"].unpack(Stage(*STAGES["tables"].pack(given_dataset)))
        assert (again.social is None) == (given_dataset.social is None)
        if given_dataset.social is not None:
            np.testing.assert_array_equal(again.social, given_dataset.social)
        np.testing.assert_array_equal(again.events.user_row, given_dataset.events.user_row)
        assert_frame_equal(again.rejected, given_dataset.rejected)
