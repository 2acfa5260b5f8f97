"""What the report shows, as plain values: all that the templates see."""

from __future__ import annotations

from dataclasses import dataclass

from coterie.domains import Words


@dataclass(frozen=True)
class Interval:
    """A number with the ends of its interval; None where they are not known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Likeness:
    """How much more, or less, often a group has something than all users.

    Attributes:
        label: what it is, to be read.
        lift: ratio to all users, with its interval; 2.0 reads "twice as often".
        share: share of the group's users, 0 to 1.
        base_share: share of all users, 0 to 1.
        support: users of the group behind it.
    """

    label: str
    lift: Interval
    share: float
    base_share: float
    support: int


@dataclass(frozen=True)
class Attribute:
    """One column of the users table: its values, as far as they say something about the group."""

    name: str
    values: tuple[Likeness, ...]


@dataclass(frozen=True)
class Habit:
    """A median of the group beside the median of all users, or a share of its events beside that of all events."""

    name: str
    median: float
    base_median: float
    ratio: Interval
    is_share: bool = False


@dataclass(frozen=True)
class Rhythm:
    """How a group's events spread over hours or weekdays.

    Attributes:
        name: "hours" or "weekdays".
        labels: of each bar.
        shares: of the group's events, summing to at most 1.
        base_shares: of all users' events.
        usual: index of the bar where the group is busiest.
    """

    name: str
    labels: tuple[str, ...]
    shares: tuple[float, ...]
    base_shares: tuple[float, ...]
    usual: int


@dataclass(frozen=True)
class Rule:
    """A few conditions that pick out the group's users.

    Attributes:
        text: the conditions, to be read.
        precision: of the users that it picks out, the share who are in the group; on users it was not made from.
        recall: of the group's users, the share that it picks out; on the same users.
        support: users that it picked out there.
    """

    text: str
    precision: float
    recall: float
    support: int


@dataclass(frozen=True)
class Listed:
    """An item of a list: its title, and what the list goes by, to be read; empty where that is a bare score."""

    title: str
    told: str


@dataclass(frozen=True)
class Card:
    """All about one group.

    Attributes:
        number: the group's id, from 1, largest group first.
        colour: index into the palette.
        size: users whose primary group this is.
        share: of all users, 0 to 1.
        gain: held-out gain in bits per event; None where it was not measured.
        stability, fidelity: 0 to 1; None where they were not measured.
        exemplars: titles of a few items that stand for the group.
        rule: what picks its users out; None where nothing does.
        certified: whether the group is; None where it was not judged.
        certificate: why, or why not, as a sentence; empty where it was not judged.
        more, less: items taken more, and less, often than by all users.
        rare: categories, or where there are none keywords, of what they take less often than all users.
        loved, own, following: lists of the group: popular inside, theirs alone, what is next; best first.
    """

    number: int
    colour: int
    name: str
    description: str
    size: int
    share: float
    gain: Interval | None
    stability: float | None
    fidelity: float | None
    certified: bool | None
    exemplars: tuple[str, ...]
    rule: Rule | None
    certificate: str
    more: tuple[Likeness, ...]
    less: tuple[Likeness, ...]
    rare: tuple[Likeness, ...]
    categories: tuple[Likeness, ...]
    keywords: tuple[Likeness, ...]
    attributes: tuple[Attribute, ...]
    habits: tuple[Habit, ...]
    rhythms: tuple[Rhythm, ...]
    loved: tuple[Listed, ...]
    own: tuple[Listed, ...]
    following: tuple[Listed, ...]


@dataclass(frozen=True)
class MapPoints:
    """Sampled users on the plane.

    Attributes:
        count: number of points.
        places: x and y in turn as signed 16-bit numbers, little-endian, −32,767 to 32,767, base64.
        groups: group number of each point as unsigned 16-bit numbers, little-endian, 0 for none, base64.
    """

    count: int
    places: str
    groups: str


@dataclass(frozen=True)
class CurvePoint:
    """A number of groups that was tried, and its held-out gain in bits per event."""

    groups: int
    gain: Interval
    chosen: bool


@dataclass(frozen=True)
class WorthRow:
    """Lists judged for the users with so many items seen.

    Attributes:
        seen: how many items, to be read.
        users: how many users.
        lists: figure of the group's list, popularity's, a random group's and the user's own.
        over: how much better the group's list is than each of the other three.
    """

    seen: str
    users: int
    lists: tuple[float, ...]
    over: tuple[Interval, ...]


@dataclass(frozen=True)
class Worth:
    """What the groups' lists are worth: the metric, the verdict in sentences, and the rows behind it."""

    metric: str
    verdict: str
    rows: tuple[WorthRow, ...]


@dataclass(frozen=True)
class TableRows:
    """What became of every row of a table: rows = kept + repeated + rejected."""

    table: str
    rows: int
    kept: int
    repeated: int
    rejected: tuple[tuple[str, int], ...]

    @property
    def n_rejected(self) -> int:
        """Rows rejected, for whatever reason."""
        return sum(count for _, count in self.rejected)

    @property
    def adds_up(self) -> bool:
        """Whether no row is lost."""
        return self.rows == self.kept + self.repeated + self.n_rejected


@dataclass(frozen=True)
class ReportData:
    """Everything on the page.

    Attributes:
        language: code of the language of titles and names; the page's own words are English.
        words: what users and items are called.
        users, items, events, cold_items: sizes of the data.
        first_event, last_event: days, as 2011-12-09; None where the log has no time.
        gain: held-out gain of the grouping in bits per event; None where it was not measured.
        random_gain: gain of random groups of the same sizes; None where it was not measured.
        groups: largest first.
        map: sampled users on the plane.
        curve: numbers of groups tried, ascending.
        worth: of the groups' lists; None where it was not measured.
        reason: why this way of grouping was taken, as a sentence; empty where it was not chosen.
        groupers: the ways compared: name, groups, gain, stability (None: not measured), share of users in a group.
        weights: calibration of the memberships: weight, and what hidden events ask for; both 0 to 1.
        tables: row accounting.
        coverage: name and share of users.
        timings: stage and seconds.
        warnings: sentences a reader should see.
        settings: name and value, as text.
        about: name and value: version, time, seed, fingerprint.
    """

    language: str
    words: Words
    users: int
    items: int
    events: int
    cold_items: int
    first_event: str | None
    last_event: str | None
    gain: Interval | None
    random_gain: float | None
    groups: tuple[Card, ...]
    map: MapPoints
    curve: tuple[CurvePoint, ...]
    worth: Worth | None
    reason: str
    groupers: tuple[tuple[str, int, float, float | None, float], ...]
    weights: tuple[tuple[float, float], ...]
    tables: tuple[TableRows, ...]
    coverage: tuple[tuple[str, float], ...]
    timings: tuple[tuple[str, float], ...]
    warnings: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    about: tuple[tuple[str, str], ...]
