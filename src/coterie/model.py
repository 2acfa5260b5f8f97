"""The model: what a run found, frozen; it assigns, recommends, saves and loads."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from coterie.errors import DataError, ModelError, SettingsError
from coterie.folder import check_folder, write_folder
from coterie.groups.certificate import certified_groups
from coterie.groups.model import Grouping, Memberships
from coterie.groups.prior import group_prior
from coterie.interest import InterestModel, Scorer
from coterie.language.words import detect_language
from coterie.profiles import Why, compare_groups, feature_table, history_of, overlap, why
from coterie.progress import SILENT, Progress
from coterie.recommend import EVERYTHING, LIKELY, Offer, Told, barred_items, reasons, user_lists
from coterie.settings import Settings, make_settings
from coterie.tables import Histories, read_histories, read_users, same_kind
from coterie.tables.order import halved

FRAMES = (
    "items",
    "groups",
    "broad_groups",
    "memberships",
    "profiles",
    "group_counts",
    "rules",
    "rule_features",
    "group_recommendations",
    "map",
    "rejected",
)
HISTORY = "history.parquet"
"""The events, where they are kept."""
READING = ("columns", "kind_weights", "min_value", "cancellations", "max_user_events", "half_life_days")
"""Settings that say how events are read and weighed: those that may be others than the model's."""


@dataclass(frozen=True, repr=False)
class Model:
    """Groups, their profiles and lists, and the functions that apply them to any history.

    Attributes:
        settings: settings of the run.
        about: what made the model: version, time (UTC), fingerprint of the data.
        scorer: gives the score of any item for any history.
        expected: weight of each item in a mean history, which the prior of scores is made from, shape (n_items,).
        grouping: what each item says about each group.
        items: `item_id`, `title`, `text`, `n_events`, `n_users`, `cold`, `categories`, `price`, in row order.
        groups: `group_id`, `parent_id`, `level`, `name`, `description`, `named_by`, `size`, `share`, `stability`,
            `gain`, `gain_low`, `gain_high`, `fidelity`, `certified`, `certificate` (why, or why not); largest first.
        broad_groups: the groups' `parent_id` and theirs lead here; columns as `groups`; empty below eight groups.
        memberships: `user_id`, `group_id`, `weight`, `rank` (1 = primary).
        profiles: `group_id`, `facet`, `value`, `share`, `base_share`, `lift`, `lift_low`, `lift_high`, `support`,
            `q_value`.
        group_counts: users of each group behind every value that some profile shows: `group_id`, `facet`, `value`,
            `support`, `size`.
        rules: `group_id`, `rule`, `sql`, `precision`, `recall`, `support`; no row where no rule picks a group out.
        rule_features: the columns that the rules' SQL reads: `column`, `kind`, `source`, `value`, `items`.
        group_recommendations: `group_id`, `reading` (likely: by score alone; loved, own, next), `rank`, `item_id`,
            `score` (what the reading goes by), `users` of the group who have the item, `share` of the group, `lift`.
        map: places of a sample of users in two dimensions: `x`, `y`, `group_id`.
        rejected: rows left out: `table`, `row`, `reason`, `content`.
        quality: held-out gain, curve, stability, coverage, worth of the groups' lists, row accounting, timings.
        history: the events, for `coterie.update` (`tables.kept.kept_frame`); None: not kept, or not loaded.
    """

    settings: Settings
    about: dict[str, Any]
    scorer: Scorer
    expected: np.ndarray[Any, np.dtype[np.float32]]
    grouping: Grouping
    items: pl.DataFrame
    groups: pl.DataFrame
    broad_groups: pl.DataFrame
    memberships: pl.DataFrame
    profiles: pl.DataFrame
    group_counts: pl.DataFrame
    rules: pl.DataFrame
    rule_features: pl.DataFrame
    group_recommendations: pl.DataFrame
    map: pl.DataFrame
    rejected: pl.DataFrame
    quality: dict[str, Any]
    history: pl.DataFrame | None = None

    @property
    def interest(self) -> InterestModel:
        """Taste vectors and companions."""
        return self.scorer.interest

    def assign(
        self, events: object, *, only_certified: bool = False, progress: Progress = SILENT, **settings: Any
    ) -> Any:  # noqa: ANN401  # the caller's kind of frame
        """Groups of users from their events, with nothing refitted.

        Args:
            events: a table of events, as in `discover`.
            only_certified: leave out groups that are not certified; weights and ranks of the others stay.
            progress: told of the rows read.
            settings: settings of reading (columns, kind_weights, ...) that differ from the model's.

        Returns:
            `user_id`, `group_id`, `weight`, `rank` (1 = primary), in the kind of frame that came in. A user none of
            whose items the model knows gets the groups' shares as weights.
        """
        certified = self.certified() if only_certified else None
        read, histories = self.read(events, settings, progress)
        frame = membership_frame(self.grouping.assign(histories, self.settings.memberships), read.user_ids)
        if certified is not None:
            frame = frame.filter(pl.col("group_id").is_in(certified["group_id"].implode()))
            without = len(read.user_ids) - int((frame["rank"] == 1).sum())
            progress.note(f"the primary group of {without:,} users is not certified")
        return same_kind(frame, events)

    def recommend(  # noqa: PLR0913  # what may be recommended, and what is told
        self,
        events: object,
        k: int = 20,
        *,
        only: object = None,
        exclude: object = None,
        offer: Offer = EVERYTHING,
        include_seen: bool = False,
        explain: bool = False,
        progress: Progress = SILENT,
        **settings: Any,
    ) -> Any:  # noqa: ANN401  # the caller's kind of frame
        """The best k items of each user, exactly, from the users' events; the users need not be known.

        Args:
            events: a table of events, as in `discover`.
            k: items for each user.
            only: a table whose `item_id` lists the items that may be recommended.
            exclude: a table whose `item_id` lists items that may not.
            offer: what else may be offered (categories, prices, days, new items), and how lists are mixed.
            include_seen: recommend items of the user's own history too.
            explain: add why: which items of the history, and what the groups and the trend have to do with it.
            progress: told of the rows read.
            settings: settings of reading, and `half_life_items`, that differ from the model's.

        Returns:
            `user_id`, `rank`, `item_id`, `score`, in the kind of frame that came in. If asked, also `because` (ids of
            up to three items of the history), `amounts` (by how much the score would fall without each), `interest`,
            `groups` and `trend` (parts of the score, which they sum to) and `sentence`; `coterie.lists.explain` has
            all items. Users none of whose items the model knows get what everyone is expected to like.
        """
        if k < 1:
            raise DataError(f"cannot recommend {k} items", hint="ask for at least 1: k=20, or -k 20")
        barred = barred_items(self.items, offer, only, exclude)
        read, histories = self.read(events, settings, progress, scored=True)
        with progress.stage("recommending"):
            users, ranks, items, scores = user_lists(
                self.scorer, histories, k, include_seen=include_seen, barred=barred, offer=offer
            )
        ids = self.items["item_id"]
        frame = pl.DataFrame(
            {"user_id": read.user_ids.gather(users), "rank": ranks, "item_id": ids.gather(items), "score": scores}
        )
        if explain:
            with progress.stage("explaining"):
                frame = frame.hstack(reasons(self.scorer, histories, users, items, self.told()))
        return same_kind(frame, events)

    def certified(self) -> pl.DataFrame:
        """The rows of `groups` that are certified; a `DataError` where none was judged."""
        return certified_groups(self.groups)

    def profile(self, group_id: int) -> pl.DataFrame:
        """What sets a group apart: its rows of `profiles`, with `title` where the value is an item.

        Raises:
            DataError: there is no such group.
        """
        if group_id not in self.broad_groups["group_id"]:
            self._check_group(group_id)
        titles = self.items.select(pl.col("item_id").alias("value"), "title")
        kinds = pl.DataFrame({"facet": ["item", "exemplar"]})
        return self.profiles.filter(pl.col("group_id") == group_id).join(
            titles.join(kinds, how="cross"), on=["value", "facet"], how="left", maintain_order="left"
        )

    def compare(self, group_a: int, group_b: int) -> pl.DataFrame:
        """Two groups side by side: what each has that the other has not, and what they share.

        Args:
            group_a: number of a group.
            group_b: number of another.

        Returns:
            `facet`, `value`, `title` (of items), `share_a`, `share_b`, `ratio` of the two with the ends of its 95 %
            interval `ratio_low` and `ratio_high`, `support_a`, `support_b`. Facets as in the profiles: of items,
            categories and keywords the 20 that each surely has more often than the other; all attributes; habits. Then
            facet `overlap`: items in both groups' lists, users who belong to both.

        Raises:
            DataError: there is no such group, or the two are one.
        """
        for group_id in (group_a, group_b):
            self._check_group(group_id)
        if group_a == group_b:
            raise DataError(f"group {group_a} is to be compared with itself", hint="give two groups")
        least = self.settings.min_support
        rows = compare_groups(self.group_counts, self.profiles, (group_a, group_b), least)
        likely = self.group_recommendations.filter(reading=LIKELY)
        shared = overlap(self.memberships, likely, (group_a, group_b))
        titles = self.items.select(pl.col("item_id").alias("value"), "title", pl.lit("item").alias("facet"))
        frame = pl.concat([rows, shared]).join(titles, on=["facet", "value"], how="left", maintain_order="left")
        return frame.select("facet", "value", "title", pl.exclude("facet", "value", "title"))

    def why(
        self, events: object, user_id: str, *, adding: object = None, progress: Progress = SILENT, **settings: Any
    ) -> Why:
        """Why a user is in his group: the items that put him there, and the smallest change that would move him.

        Args:
            events: a table of events with the user's, as in `discover`; the user need not be known to the model.
            user_id: the user.
            adding: a table whose `item_id` lists the items that may be added to move him; None: all that histories had
                when the model was made.
            progress: told of the rows read.
            settings: settings of reading that differ from the model's.

        Raises:
            DataError: the events have no such user, or none of his items is known to the model.
        """
        read, histories = self.read(events, settings, progress)
        history = history_of(user_id, read.user_ids, histories)
        barred = barred_items(self.items, EVERYTHING, adding)
        offered = ~self.interest.cold if barred is None else ~barred
        frames = self.items, self.groups
        return why(user_id, history, self.grouping, frames, offered=offered, most=self.settings.memberships)

    def features(
        self, events: object, users: object = None, *, progress: Progress = SILENT, **settings: Any
    ) -> pl.DataFrame:
        """The table that the SQL of `rules` reads: a row for each user, a column for each feature.

        Args:
            events: a table of events, as in `discover`.
            users: a table of users with the attributes that the rules speak of; None: no attribute is known.
            progress: told of the rows read.
            settings: settings of reading that differ from the model's.

        Returns:
            `user_id` and the columns of `rule_features`: shares of a history's distinct items and numbers as numbers,
            members of lists as 0 or 1, labels as text, dates as text (`2015-03-02`); null where nothing is known.
        """
        read, histories = self.read(events, settings, progress)
        known = read.user_ids.to_frame("user_id")
        if users is not None:
            reading = self.settings.model_copy(update=settings)
            known = read_users(users, read.user_ids, settings=reading, progress=progress)
        return feature_table(self.rule_features, histories, known, self.items["item_id"])

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model folder whole or not at all.

        Raises:
            OutputError: something is in the way, or the disk refuses; what was there stays.
        """
        write_folder(Path(path), self.write_files, overwrite=overwrite)

    def write_files(self, folder: Path) -> None:
        """Write the model's files into an empty folder; `save` does so safely."""
        from safetensors.numpy import save_file

        companions, trend = self.interest.companions, self.scorer.trend
        arrays = {
            "taste": self.interest.taste,
            "scale": self.interest.scale,
            "cold": self.interest.cold,
            "companions.data": companions.data.astype(np.float32),
            "companions.indices": companions.indices.astype(np.int32),
            "companions.indptr": companions.indptr.astype(np.int64),
            "trend": np.zeros(0, dtype=np.float32) if trend is None else trend,
            "expected": self.expected,
            "evidence": self.grouping.evidence,
            "shares": self.grouping.shares,
            "numbers": np.array([self.interest.ridge, self.interest.text_prior]),
            "memberships": np.array([self.grouping.steps, self.grouping.leave], dtype=np.int64),
        }
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "model.safetensors")
        for name in FRAMES:
            getattr(self, name).write_parquet(folder / f"{name}.parquet")
        if self.history is not None:
            self.history.write_parquet(folder / HISTORY)
        config = {"about": self.about, "settings": self.settings.model_dump(mode="json")}
        _write_json(folder / "config.json", config)
        _write_json(folder / "quality.json", self.quality)
        (folder / "README.md").write_text(self._card(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, *, history: bool = True) -> Model:
        """Read a model folder, after checking that every file is as it was written.

        Args:
            path: the folder.
            history: read the events too, where they were kept; only `coterie.update` and `save` need them.

        Raises:
            ModelError: the folder is missing, no model, altered, truncated or of a newer format.
        """
        from polars.exceptions import PolarsError
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(path)
        check_folder(folder)
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            arrays = load_file(folder / "model.safetensors")
            frames = {name: pl.read_parquet(folder / f"{name}.parquet") for name in FRAMES}
            if "reading" not in frames["group_recommendations"].columns:  # of before there were readings
                frames["group_recommendations"].insert_column(1, pl.lit(LIKELY).alias("reading"))
            quality = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
            n_items = len(arrays["taste"])
            parts = arrays["companions.data"], arrays["companions.indices"], arrays["companions.indptr"]
            companions = sparse.csr_array(parts, shape=(n_items, n_items))
            ridge, text_prior = arrays["numbers"].tolist()
            steps, leave = arrays["memberships"].tolist()
            settings, about = config["settings"], config["about"]
            interest = InterestModel(arrays["taste"], companions, arrays["scale"], arrays["cold"], ridge, text_prior)
            grouping = Grouping(arrays["evidence"], arrays["shares"], steps, bool(leave))
            prior = group_prior(grouping, arrays["expected"], settings["group_prior"])
            trend = arrays["trend"] if len(arrays["trend"]) else None
            kept = pl.read_parquet(folder / HISTORY) if history and (folder / HISTORY).is_file() else None
        except (OSError, KeyError, TypeError, ValueError, PolarsError, SafetensorError) as error:
            raise ModelError(f"{folder} is a folder of Coterie, but not a model: {error}") from error
        return cls(
            # As they were saved: neither the environment nor coterie.toml has a say in a model that is made.
            settings=Settings.model_construct(**settings),
            about=about,
            scorer=Scorer(interest, trend, prior),
            expected=arrays["expected"],
            grouping=grouping,
            quality=quality,
            history=kept,
            **frames,
        )

    def _check_group(self, group_id: int) -> None:
        if group_id not in self.groups["group_id"]:
            raise DataError(f"there is no group {group_id}", hint=f"the groups are 1 to {self.groups.height}")

    def read(
        self, events: object, settings: dict[str, Any], progress: Progress, *, scored: bool = False
    ) -> tuple[Histories, sparse.csr_array]:
        """Histories as the model's settings and these say; what is scored also weighs by `half_life_items`."""
        given = make_settings(**settings)
        may = (*READING, "half_life_items") if scored else READING
        if other := [name for name in settings if name not in may]:
            raise SettingsError(
                f"setting {other[0]!r} cannot differ from the model's", hint=f"those that can are {', '.join(may)}"
            )
        reading = self.settings.model_copy(update={name: getattr(given, name) for name in settings})
        half_life = reading.half_life_items if scored else None
        read = read_histories(
            events,
            self.items["item_id"],
            settings=reading,
            ordered=bool(half_life),
            mapped=settings.get("columns", {}),
            progress=progress,
        )
        if read.unknown_items:
            rows = read.accounting.rows - read.accounting.repeated
            progress.note(f"{read.unknown_items:,} of {rows:,} events are on items the model does not know")
        return read, halved(read.matrix(reading.half_life_days), read.events, half_life)

    def told(self) -> Told:
        """What sentences about recommendations are made of."""
        language = self.settings.language or detect_language(self.items["title"].to_list())
        items, groups = self.items.select("item_id", "title"), self.groups.select("group_id", "name")
        return Told(items, groups, language, self.settings.domain)

    def _summary(self) -> list[str]:
        facts, gain = self.quality["dataset"], self.quality["gain"]
        lines = [
            f"{self.groups.height} groups of {facts['users']:,} users, "
            f"{facts['items']:,} items, {facts['events']:,} events; "
            f"held-out gain {gain['bits_per_event']:.3f} bits per event"
        ]
        lines += [f"{row['group_id']:>3}  {row['name']} ({row['size']:,})" for row in self.groups.head(6).to_dicts()]
        if self.groups.height > 6:
            lines.append(f"  … and {self.groups.height - 6} more: model.groups")
        return lines

    def __repr__(self) -> str:
        return "\n".join(["Coterie model: " + self._summary()[0], *self._summary()[1:]])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{row['group_id']}</td><td>{html.escape(row['name'])}</td><td>{row['size']:,}</td>"
            f"<td>{row['share']:.1%}</td><td>{'' if row['gain'] is None else format(row['gain'], '.2f')}</td></tr>"
            for row in self.groups.to_dicts()
        )
        head = "<tr><th>group</th><th>name</th><th>users</th><th>share</th><th>gain</th></tr>"
        return f"<p>{html.escape(self._summary()[0])}</p><table>{head}{rows}</table>"

    def _card(self) -> str:
        groups = "\n".join(
            f"| {row['group_id']} | {row['name'].replace('|', '/')} | {row['size']:,} | {row['share']:.1%} "
            f"| {row.get('certificate') or ''} |"
            for row in self.groups.to_dicts()
        )
        return (
            f"# Coterie model\n\n{self._summary()[0]}.\n\n"
            f"Made by Coterie {self.about['version']} on {self.about['created']}, seed {self.settings.seed}, data "
            f"`{self.about['fingerprint']}`.\n\n"
            f"| group | name | users | share | certificate |\n|---|---|---|---|---|\n{groups}\n\n"
            "`report.html` shows the groups, `quality.json` how well they hold up on hidden data. "
            "`coterie assign` and `coterie recommend` apply the model to new events.\n"
        )


def membership_frame(memberships: Memberships, user_ids: pl.Series) -> pl.DataFrame:
    """Memberships as a table: `user_id`, `group_id`, `weight`, `rank`; one row for each membership."""
    user, rank = np.nonzero(memberships.groups >= 0)
    return pl.DataFrame(
        {
            "user_id": user_ids.gather(user),
            "group_id": (memberships.groups[user, rank] + 1).astype(np.int32),
            "weight": memberships.weights[user, rank],
            "rank": (rank + 1).astype(np.int32),
        }
    )


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
