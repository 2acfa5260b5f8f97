"""`discover`: the stages in order, each kept when finished, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from coterie import __version__
from coterie.continuing import Earlier
from coterie.evaluate.groups import Judging, judge_groups
from coterie.evaluate.order import Order, choose_order
from coterie.evaluate.trend import find_trend
from coterie.folder import check_output, write_folder
from coterie.groups import Grouper, GroupsFound, Memberships, find_groups, make_grouper
from coterie.groups.prior import expected_weights, group_prior
from coterie.interest import FitOptions, InterestModel, ItemStatistics, Scorer, fit_interest
from coterie.interest.following import with_following
from coterie.judging import judging_of, with_evidence
from coterie.kernels.projection import lay_out
from coterie.language import VectorCache, encode_corpus, fitted_to, item_texts, make_encoder
from coterie.language.calls import chat_calls
from coterie.language.chat import ChatModel
from coterie.lists import facts_of_readings
from coterie.model import Model, membership_frame
from coterie.options import fit_options, group_options, order_given, trend_options
from coterie.outcome import Told, groups_table, items_table, quality_record, written_warning
from coterie.parallel import one_blas_thread, side_by_side
from coterie.profiles import (
    Keywords,
    add_exemplars,
    call_groups,
    count_and_profile,
    describe_broad,
    find_rules,
    item_keywords,
    names_fidelity,
    read_phrasebook,
)
from coterie.progress import SILENT, Progress
from coterie.recommend import Members, lists_of_run
from coterie.running import Run
from coterie.settings import Settings, domain_facts, follows_order, make_settings
from coterie.stages import StageStore
from coterie.tables import Dataset, open_sources, read_tables
from coterie.tables.kept import kept_frame
from coterie.tables.order import halved


def discover(  # noqa: PLR0913  # the tables, where to, and what may be the caller's own
    events: object,
    items: object = None,
    users: object = None,
    *,
    social: object = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
    grouper: object = None,
    chat: ChatModel | None = None,
    continue_from: str | Path | Model | None = None,
    **settings: Any,
) -> Model:
    """Find the groups of users who share interests.

    Args:
        events: who did what: `user_id`, `item_id`, optional `timestamp`, `kind`, `value`, `price`. A path, a glob, `-`,
            a list of paths, or a frame (polars, pandas, Arrow).
        items: `item_id`, optional `title`, `text`, `categories`, `price`, ...; the same kinds of source.
        users: `user_id` and any attributes.
        social: `src`, `dst`: users who are joined (friends, follows; the direction does not count). Their vectors are
            averaged in before groups are found.
        output: folder to write the model and its report to, whole or not at all.
        overwrite: replace what is in `output`.
        progress: told of the stages.
        grouper: what finds the groups: a name, as the setting; a `coterie.groups.Grouper`; or any clusterer with
            `fit_predict`, such as `AgglomerativeClustering()`. None: as the settings say.
        chat: names the groups; None: the chat model that the settings name, if any.
        continue_from: an earlier model, or its folder: there are as many groups as in it, found from those it has, and
            those that go on keep their numbers and names; `quality["continued"]` says which.
        **settings: any setting of `coterie.Settings`: groups=20, seed=7, encoder="tfidf", columns={...}.

    Returns:
        The model, with the groups found.

    Raises:
        SettingsError: a setting is unknown or cannot be used.
        DataError: a table cannot be read, or nothing is left of it.
        OutputError: `output` cannot be written.
    """
    own = None if grouper is None or isinstance(grouper, str) else make_grouper(grouper)
    chosen = make_settings(**settings, **({"grouper": grouper} if isinstance(grouper, str) else {}))
    if own is not None:
        chosen = chosen.model_copy(update={"grouper": own.name})
    earlier = None
    if continue_from is not None:
        earlier = Earlier(continue_from if isinstance(continue_from, Model) else Model.load(continue_from))
        chosen = earlier.settings(chosen)
    make_encoder(chosen.encoder, chosen)
    if output is not None:
        check_output(Path(output), overwrite=overwrite)
    with (
        chat_calls(chat, chosen) as calls,
        one_blas_thread(),
        open_sources(events, items, users, social) as sources,
    ):
        run = Run(chosen, StageStore(sources.fingerprint(chosen), progress=progress), progress, own)
        run.chat = calls
        run.earlier = earlier
        dataset = run.kept(
            "tables",
            ("ordered",) if follows_order(chosen) else (),
            lambda: read_tables(
                sources.events,
                sources.items,
                sources.users,
                sources.social,
                settings=chosen,
                ordered=follows_order(chosen),
                progress=progress,
            ),
        )
        model = _model(run, dataset)
        if output is not None:
            with run.timed("writing"):
                write_model(model, Path(output), overwrite=overwrite)
    return model


def _model(run: Run, dataset: Dataset) -> Model:
    """Interests and groups, then all that is told of them, and what they are worth, side by side with two cores."""
    settings, progress = run.settings, run.progress
    encoder = run.encoder = make_encoder(settings.encoder, settings).fingerprint
    vectors = run.kept("vectors", (encoder, settings.language), lambda: encode_items(dataset, settings, progress))
    histories, social = dataset.histories(settings.half_life_days), dataset.joined()
    # What somebody else's grouper does cannot be told from its name: its groups are kept for this run only.
    own = None if run.grouper is None and run.earlier is None else token_hex(8)
    interest, found, keywords, judging = _learnt(run, dataset, histories, vectors, social, own)
    memberships = found.grouping.assign(histories, settings.memberships)
    if settings.next_item:
        order = _order(run, dataset, vectors, judging.interest)
        progress.note(f"order of histories: {order.words()}")
        run.settings = settings.model_copy(update=order._asdict())
    model, judged = side_by_side(
        lambda: _describe(
            run,
            dataset,
            histories,
            vectors,
            (
                _scorer(run, dataset, histories, vectors, (interest, judging.interest, found)),
                found,
                memberships,
                keywords,
            ),
        ),
        lambda: run.kept(
            "judged",
            (judging.choices(), own, settings.encoder, settings.half_life_days),
            lambda: judge_groups(
                histories,
                vectors,
                memberships.primary,
                found,
                judging,
                social=social,
                progress=progress,
            ),
        ),
    )
    model = with_evidence(model, judged)
    listed = facts_of_readings(model, model.group_recommendations)
    model = replace(model, quality={**model.quality, "lists": listed})
    if run.earlier is not None:
        model = replace(model, quality={**model.quality, "continued": run.earlier.facts(model.groups)})
    return model


def _learnt(
    run: Run,
    dataset: Dataset,
    histories: sparse.csr_array,
    vectors: np.ndarray[Any, np.dtype[np.float32]],
    social: sparse.csr_array | None,
    own: str | None,
) -> tuple[InterestModel, GroupsFound, Keywords, Judging]:
    """Interests, groups (kept under the name of `own`) and keywords of the items; and how the groups are judged."""
    settings, progress = run.settings, run.progress
    fit, options = fit_options(settings), group_options(settings)
    statistics = ItemStatistics.of(histories, settings.beta)
    grouper: Grouper | None = run.grouper
    if run.earlier is not None:
        grouper, options = run.earlier.grouper(dataset, histories, options)
    interest, found, keywords = side_by_side(
        lambda: run.kept(
            "interest",
            (asdict(fit), settings.encoder, settings.half_life_days),
            lambda: fit_interest(histories, vectors, fit, statistics=statistics, progress=progress),
        ),
        lambda: run.kept(
            "groups",
            (asdict(options), own, settings.encoder, settings.half_life_days),
            lambda: find_groups(
                histories,
                vectors,
                options,
                grouper=grouper,
                social=social,
                statistics=statistics,
                progress=progress,
            ),
        ),
        lambda: item_keywords(dataset.items, settings.language),
    )
    if run.earlier is not None:
        found = run.earlier.in_order(dataset, histories, found)
    judging = judging_of(settings, interest, found, fit, options, grouper=run.grouper)
    return interest, found, keywords, judging


def _order(run: Run, dataset: Dataset, vectors: np.ndarray[Any, np.dtype[np.float32]], fit: FitOptions) -> Order:
    """How much the order of histories counts, as the settings say or chosen from the data."""
    settings, shape = run.settings, (dataset.users.height, dataset.items.height)
    given = order_given(settings, chosen=True)
    return run.kept(
        "order",
        (asdict(fit), given, settings.encoder, settings.half_life_days),
        lambda: choose_order(
            dataset.events, shape, vectors, fit, given, settings.half_life_days, progress=run.progress
        ),
    )


def _scorer(
    run: Run,
    dataset: Dataset,
    histories: sparse.csr_array,
    vectors: np.ndarray[Any, np.dtype[np.float32]],
    learnt: tuple[InterestModel, FitOptions, GroupsFound],
) -> Scorer:
    """The scores of this run, from the interest model, how it was fitted (nothing left to choose) and the groups."""
    settings, (interest, fit, found) = run.settings, learnt
    options = trend_options(settings)
    trend = run.kept(
        "trend",
        (asdict(fit), options, settings.encoder),
        lambda: find_trend(dataset.events, vectors, interest, fit, options, progress=run.progress),
    )
    expected = expected_weights(histories)
    if settings.following:
        recent = halved(histories, dataset.events, settings.half_life_items)
        interest = with_following(interest, dataset.events, recent, settings.following)
    return Scorer(interest, trend, group_prior(found.grouping, expected, settings.group_prior))


def encode_items(dataset: Dataset, settings: Settings, progress: Progress) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Text vectors of the items under these settings, shape (n_items, t), by way of the cache."""
    return encode_texts(dataset.items, settings, progress)


def encode_texts(items: pl.DataFrame, settings: Settings, progress: Progress) -> np.ndarray[Any, np.dtype[np.float32]]:
    """`encode_items` of a table of items."""
    encoder = make_encoder(settings.encoder, settings)
    return encode_corpus(encoder, item_texts(items), cache=VectorCache(), progress=progress)


def _describe(
    run: Run,
    dataset: Dataset,
    histories: sparse.csr_array,
    vectors: np.ndarray[Any, np.dtype[np.float32]],
    learnt: tuple[Scorer, GroupsFound, Memberships, Keywords],
) -> Model:
    """The model: memberships, lists and the map, and what is told of the groups."""
    settings, progress = run.settings, run.progress
    scorer, found, memberships, _ = learnt
    primary = memberships.primary

    def drawn() -> np.ndarray[Any, np.dtype[np.float32]]:
        with run.timed("map"), progress.stage("drawing the map"):
            return lay_out(found.map_vectors, primary[found.map_rows], seed=settings.seed)

    said, places = side_by_side(lambda: _told(run, dataset, histories, vectors, learnt), drawn)
    with run.timed("lists"), progress.stage("recommending to groups"):
        members, ids = Members(histories, primary, found.grouping.n_groups), dataset.items["item_id"]
        lists = lists_of_run(scorer, members, settings.top, ids, least=settings.min_support)
    return Model(
        settings=settings,
        about={
            "version": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "fingerprint": dataset.fingerprint,
        },
        scorer=scorer,
        expected=expected_weights(histories),
        grouping=found.grouping,
        items=items_table(dataset, scorer.interest, _users_of_items(histories)),
        groups=groups_table(found, primary, said),
        broad_groups=said.broad.groups,
        memberships=membership_frame(memberships, dataset.users["user_id"]),
        profiles=pl.concat([said.profiles, said.broad.profiles], how="diagonal"),
        group_counts=said.profiled.counts,
        rules=said.rules.rules,
        rule_features=said.rules.features,
        group_recommendations=lists,
        map=pl.DataFrame(
            {"x": places[:, 0], "y": places[:, 1], "group_id": (primary[found.map_rows] + 1).astype(np.int32)}
        ),
        rejected=dataset.rejected,
        history=kept_frame(dataset.events, dataset.users["user_id"]) if settings.keep_events else None,
        quality=quality_record(dataset, scorer.interest, found, primary) | _facts(run, dataset, found, said),
    )


def _told(
    run: Run,
    dataset: Dataset,
    histories: sparse.csr_array,
    vectors: np.ndarray[Any, np.dtype[np.float32]],
    learnt: tuple[Scorer, GroupsFound, Memberships, Keywords],
) -> Told:
    """Profiles, names and how true they are, broad groups and rules."""
    settings, progress = run.settings, run.progress
    scorer, found, memberships, keywords = learnt
    n_groups, primary = found.grouping.n_groups, memberships.primary
    with run.timed("profiles"):
        profiled = count_and_profile(
            dataset, primary, n_groups=n_groups, settings=settings, keywords=keywords, progress=progress
        )
        profiles = add_exemplars(profiled.rows, dataset.items, scorer.interest.taste, histories, primary)
    with run.timed("names"):
        items = dataset.items.with_columns(pl.Series("n_users", _users_of_items(histories)))
        book = read_phrasebook(items, settings.language, settings.domain)
        names, warnings = call_groups(
            profiles, book, n_groups=n_groups, chat=run.chat, least_users=run.least_users(), progress=progress
        )
        if run.earlier is not None:
            names = run.earlier.names(names)
    with run.timed("fidelity"), progress.stage("measuring fidelity"):
        encoder = fitted_to(make_encoder(settings.encoder, settings), item_texts(dataset.items), cache=VectorCache())
        fidelity = names_fidelity(names, encoder, histories, vectors, found.grouping, seed=settings.seed)
    with run.timed("broad groups"), progress.stage("describing broad groups"):
        broad = describe_broad(dataset, primary, found.broad, n_groups, settings=settings, keywords=keywords, book=book)
    with run.timed("rules"), progress.stage("finding rules"):
        rules = find_rules(profiled, histories, primary, dataset.items["item_id"], settings=settings)
    return Told(profiled, profiles, names, fidelity, broad, rules, warnings)


def _users_of_items(histories: sparse.csr_array) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.bincount(histories.indices, minlength=histories.shape[1])


def _facts(run: Run, dataset: Dataset, found: GroupsFound, said: Told) -> dict[str, Any]:
    """What `quality.json` holds beside the groups' record: fidelity, cost, time and warnings."""
    settings = run.settings
    return {
        "fidelity": said.fidelity.facts(),
        "chat": None if run.chat is None else run.chat.record(settings),
        "timings": run.timings,
        "domain": domain_facts(settings),
        "warnings": [
            *dataset.warnings,
            *written_warning(dataset.items),
            *_warnings(settings, found, timed=dataset.events.timestamp is not None),
            *said.profiled.warnings,
            *said.rules.warnings,
            *said.warnings,
        ],
    }


def _warnings(settings: Settings, found: GroupsFound, *, timed: bool) -> list[str]:
    wanted, got, said = settings.groups, found.grouping.n_groups, []
    if wanted != "auto" and got < wanted:
        said.append(f"{wanted} groups were asked for, {got} found: the users do not differ enough for more")
    if settings.half_life_days is not None and not timed:
        said.append(f"half_life_days is {settings.half_life_days:g}, but the events have no timestamp: all count alike")
    return said


def write_model(model: Model, output: Path, *, overwrite: bool) -> None:
    """Write a model and its report to a folder, whole or not at all."""
    from coterie.report import collect, render_report

    page = render_report(collect(model))

    def write(folder: Path) -> None:
        model.write_files(folder)
        (folder / "report.html").write_text(page, encoding="utf-8")

    write_folder(output, write, overwrite=overwrite)
