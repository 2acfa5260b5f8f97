"""One sentence for each recommendation, made from what its score is made of, in the items' language."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from coterie.domains import DOMAINS

SMALL = 0.1
"""A part below this share of what speaks for an item is not worth a word."""


class Wording(NamedTuple):
    """How a language says it; `{}` stands for a title, the titles or a group's name.

    Attributes:
        title: a title in quotation marks.
        comma, last: between titles, and before the last.
        items: the items of the history.
        group: the group that likes the item.
        trend: the item is asked for of late.
        everyone: nothing is known but that many like it.
        nothing: nothing speaks for the item, which stands in the list for the sake of others.
        between: between these.
        whole: the sentence.
    """

    title: str
    comma: str
    last: str
    items: str
    group: str
    trend: str
    everyone: str
    nothing: str
    between: str
    whole: str


WORDINGS = {
    "en": Wording(
        "“{}”",
        ", ",
        " and ",
        "because of {}",
        "liked in the group “{}”",
        "in demand of late",
        "liked by many",
        "for a change",
        ", ",
        "{}.",
    ),
    "zh": Wording(
        "“{}”",
        "、",
        "和",
        "因为您的{}",
        "“{}”群组喜欢它",
        "近来受到关注",
        "许多用户喜欢它",
        "换换口味",
        "；",
        "推荐理由：{}。",
    ),
    "de": Wording(
        "„{}“",
        ", ",
        " und ",
        "wegen {}",
        "beliebt in der Gruppe „{}“",
        "zuletzt gefragt",
        "bei vielen beliebt",
        "zur Abwechslung",
        ", ",
        "{}.",
    ),
    "fr": Wording(
        "« {} »",
        ", ",
        " et ",
        "en raison de {}",
        "apprécié dans le groupe « {} »",
        "demandé ces derniers temps",
        "apprécié de beaucoup",
        "pour changer",
        ", ",
        "{}.",
    ),
}
"""Language → its wording; others are told in English."""


def _wording(language: str, domain: str | None) -> Wording:
    """How a language says it, with the phrases of a preset."""
    known = language if language in WORDINGS else "en"
    if domain is None:
        return WORDINGS[known]
    because, everyone = DOMAINS[domain].phrases[known]
    return WORDINGS[known]._replace(items=because, everyone=everyone)


def sentences(reasons: pl.DataFrame, language: str, domain: str | None = None) -> pl.Series:
    """A sentence for each row: the items that speak most for it, the group, the trend, whichever matter.

    A part is told where it makes at least a tenth of what speaks for the item. Every title and name comes from the
    row itself, so a sentence says nothing that the numbers do not.

    Args:
        reasons: `titles` (list), `interest`, `groups`, `trend`, and `group` (name; null: everyone).
        language: ISO 639-1 code.
        domain: name of the preset whose phrases are used; None: none.
    """
    words = _wording(language.lower().split("-")[0], domain)
    titles = pl.col("titles").list.unique(maintain_order=True)  # items of one title need it once
    quoted = titles.list.eval(pl.format(words.title, pl.element()))
    last = quoted.list.last()
    before = quoted.list.slice(0, titles.list.len() - 1).list.join(words.comma)
    listed = pl.when(titles.list.len() > 1).then(pl.concat_str(before, pl.lit(words.last), last)).otherwise(last)
    unknown = pl.lit(words.everyone)
    clauses = [
        pl.when(_matters("interest") & (pl.col("titles").list.len() > 0)).then(pl.format(words.items, listed)),
        pl.when(_matters("groups")).then(
            pl.when(pl.col("group").is_null()).then(unknown).otherwise(pl.format(words.group, pl.col("group")))
        ),
        pl.when(_matters("trend")).then(pl.lit(words.trend)),
    ]
    joined = pl.concat_list(clauses).list.drop_nulls().list.join(words.between)
    told = pl.when(joined == "").then(pl.lit(words.nothing)).otherwise(joined)
    upper = pl.concat_str(told.str.slice(0, 1).str.to_uppercase(), told.str.slice(1))
    return reasons.select(pl.format(words.whole, upper).alias("sentence")).to_series()


def history_matters() -> pl.Expr:
    """Whether the items of the history make at least a tenth of what speaks for the item."""
    return _matters("interest") & (pl.col("because").list.len() > 0)


def _matters(part: str) -> pl.Expr:
    parts = {name: pl.col(name).clip(lower_bound=0) for name in ("interest", "groups", "trend")}
    return (parts[part] > 0) & (parts[part] >= SMALL * pl.sum_horizontal(parts.values()))
