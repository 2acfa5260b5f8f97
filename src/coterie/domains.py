"""What a kind of service changes: the events that count, how they age, what profiles show, and the words.

A preset is a row of `DOMAINS`. Its settings hold where nothing nearer (call, environment, `coterie.toml`) says
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

DomainName = Literal["shop", "media", "courses", "social"]


class Words(NamedTuple):
    """How English speaks of users, items, and what the ones do with the others.

    Attributes:
        user, users, item, items: one and several.
        take: in "users who take “Tea cup” more often".
        taken: in "Taken more often".
        shelf: how names of groups should read, in "the way a shop would head a shelf".
    """

    user: str
    users: str
    item: str
    items: str
    take: str
    taken: str
    shelf: str


class ChineseWords(NamedTuple):
    """How Chinese does: users, what they do with items, and what follows a number of them, as in "人均12项"."""

    users: str
    take: str
    counted: str


class Phrases(NamedTuple):
    """How a language says why an item is recommended.

    Attributes:
        because: of the history; `{}` stands for the titles.
        everyone: nothing is known but that many like it.
    """

    because: str
    everyone: str


class Domain(NamedTuple):
    """A preset.

    Attributes:
        settings: setting → value.
        words: in English, as the report, prompts and descriptions have them.
        chinese: the same in Chinese.
        phrases: language → phrases; other languages are told in English.
    """

    settings: Mapping[str, Any]
    words: Words
    chinese: ChineseWords
    phrases: Mapping[str, Phrases]


PLAIN = Words("user", "users", "item", "items", "take", "taken", "a shop or library would head a shelf")
PLAIN_CHINESE = ChineseWords("用户", "选择", "项")
"""The words without a preset."""

_SHOP_KINDS = {
    **dict.fromkeys(("purchase", "order", "buy", "transaction", "购买"), 5.0),
    **dict.fromkeys(("cart", "add_to_cart", "addtocart", "加购"), 3.0),
    **dict.fromkeys(("wishlist", "favorite", "收藏"), 2.0),
    **dict.fromkeys(("view", "click", "浏览", "点击"), 1.0),
    **dict.fromkeys(("impression", "remove_from_cart", "return", "refund", "曝光", "退货"), 0.0),
}
_MEDIA_KINDS = {
    **dict.fromkeys(("share", "comment", "分享", "评论"), 4.0),
    **dict.fromkeys(("read", "watch", "listen", "play", "like", "save", "bookmark", "阅读", "点赞", "收藏"), 2.0),
    **dict.fromkeys(("view", "click", "open", "浏览", "点击"), 1.0),
    **dict.fromkeys(("impression", "pass", "skip", "hide", "dislike", "曝光", "跳过"), 0.0),
}
_COURSE_KINDS = {
    **dict.fromkeys(("complete", "finish", "certificate", "完成"), 5.0),
    **dict.fromkeys(("enroll", "enrol", "lesson", "watch", "submit", "选课", "报名", "学习"), 3.0),
    **dict.fromkeys(("bookmark", "wishlist", "收藏"), 2.0),
    **dict.fromkeys(("view", "click", "浏览", "点击"), 1.0),
    **dict.fromkeys(("impression", "drop", "unenroll", "曝光", "退课"), 0.0),
}
_SOCIAL_KINDS = {
    **dict.fromkeys(("follow", "join", "post", "关注", "发布"), 4.0),
    **dict.fromkeys(("comment", "share", "repost", "评论", "转发"), 3.0),
    **dict.fromkeys(("like", "favorite", "tag", "点赞", "收藏"), 2.0),
    **dict.fromkeys(("view", "click", "play", "浏览", "点击"), 1.0),
    **dict.fromkeys(("impression", "hide", "mute", "block", "report", "unfollow", "leave", "曝光", "屏蔽"), 0.0),
}

DOMAINS: Mapping[str, Domain] = MappingProxyType(
    {
        "shop": Domain(
            settings={
                "kind_weights": _SHOP_KINDS,
                "half_life_days": 365.0,
                "habits": ("frequency", "recency", "spend", "breadth", "loyalty", "hours", "weekdays"),
            },
            words=Words(
                "customer", "customers", "product", "products", "choose", "chosen", "a shop would head a shelf"
            ),
            chinese=ChineseWords("顾客", "选购", "件商品"),
            phrases={
                "en": Phrases("because you chose {}", "liked by many customers"),
                "zh": Phrases("因为您选购了{}", "许多顾客喜欢它"),
                "de": Phrases("wegen Ihrer Wahl von {}", "bei vielen Kunden beliebt"),
                "fr": Phrases("car vous avez choisi {}", "apprécié de nombreux clients"),
            },
        ),
        "media": Domain(
            settings={
                "kind_weights": _MEDIA_KINDS,
                "half_life_days": 365.0,
                "habits": ("frequency", "recency", "breadth", "hours", "weekdays"),
            },
            words=Words("reader", "readers", "article", "articles", "read", "read", "a newspaper would head a section"),
            chinese=ChineseWords("读者", "阅读", "篇文章"),
            phrases={
                "en": Phrases("because you read {}", "liked by many readers"),
                "zh": Phrases("因为您读过{}", "许多读者喜欢它"),
                "de": Phrases("weil Sie {} gelesen haben", "bei vielen Lesern beliebt"),
                "fr": Phrases("car vous avez lu {}", "apprécié de nombreux lecteurs"),
            },
        ),
        "courses": Domain(
            settings={
                "kind_weights": _COURSE_KINDS,
                "habits": ("frequency", "recency", "breadth", "weekdays"),
            },
            words=Words(
                "learner", "learners", "course", "courses", "take", "taken", "a school would head a list of courses"
            ),
            chinese=ChineseWords("学员", "选修", "门课程"),
            phrases={
                "en": Phrases("because you took {}", "liked by many learners"),
                "zh": Phrases("因为您选修了{}", "许多学员喜欢它"),
                "de": Phrases("weil Sie {} belegt haben", "bei vielen Lernenden beliebt"),
                "fr": Phrases("car vous avez suivi {}", "apprécié de nombreux apprenants"),
            },
        ),
        "social": Domain(
            settings={
                "kind_weights": _SOCIAL_KINDS,
                "half_life_days": 365.0,
                "habits": ("frequency", "recency", "breadth", "loyalty", "hours", "weekdays"),
            },
            words=Words(
                "member", "members", "interest", "interests", "like", "liked", "a community would call a circle"
            ),
            chinese=ChineseWords("成员", "关注", "项兴趣"),
            phrases={
                "en": Phrases("because of your interest in {}", "liked by many members"),
                "zh": Phrases("因为您关注{}", "许多成员喜欢它"),
                "de": Phrases("wegen Ihres Interesses an {}", "bei vielen Mitgliedern beliebt"),
                "fr": Phrases("car vous vous intéressez à {}", "apprécié de nombreux membres"),
            },
        ),
    }
)
"""Name → preset."""


def words_of(domain: str | None) -> Words:
    """The English words of a preset; None: the plain ones."""
    return PLAIN if domain is None else DOMAINS[domain].words


def chinese_words_of(domain: str | None) -> ChineseWords:
    """The Chinese words of a preset; None: the plain ones."""
    return PLAIN_CHINESE if domain is None else DOMAINS[domain].chinese


def preset_of(domain: object) -> Mapping[str, Any]:
    """The settings of a preset; none for what is no preset's name."""
    known = DOMAINS.get(domain) if isinstance(domain, str) else None
    return {} if known is None else known.settings
