"""Certificates: each test can fail a group, and the sentence says which."""

import polars as pl
import pytest

from coterie.errors import DataError
from coterie.groups.certificate import Evidence, certified_groups, certify, with_certificates

GOOD = Evidence(size=120, stability=0.8, gain=0.2, gain_low=0.1, fidelity=0.9)


def test_a_group_that_passes_every_test_is_certified() -> None:
    certified, sentence = certify(GOOD)
    assert certified is True
    assert sentence == (
        "Certified: 120 users; stability 0.80; gain 0.200 bits per event, at least 0.100; fidelity 0.90."
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": 19}, "19 users, fewer than 20"),
        ({"stability": 0.5}, "stability 0.50 is below 0.6, not to be trusted"),
        ({"stability": 0.7}, "stability 0.70 is below 0.75, doubtful"),
        ({"stability": 0.7496}, "stability 0.7496 is below 0.75, doubtful"),
        ({"gain_low": 0.0}, "gain may be chance (0.200 bits per event, at least 0.000)"),
        ({"gain": -0.1, "gain_low": -0.3}, "no gain (-0.100 bits per event)"),
        ({"gain": None, "gain_low": None}, "gain unknown, as no event of its users was hidden"),
        ({"fidelity": 0.55}, "fidelity 0.55 is below 0.6, so its name does not tell its users"),
    ],
)
def test_one_failure_is_enough_and_is_named(change: dict[str, float], reason: str) -> None:
    assert certify(GOOD._replace(**change)) == (False, f"Not certified: {reason}.")


@pytest.mark.parametrize("change", [{"size": 20}, {"stability": 0.75}, {"fidelity": 0.6}, {"fidelity": None}])
def test_the_bounds_themselves_pass_and_fidelity_need_not_be_known(change: dict[str, float]) -> None:
    assert certify(GOOD._replace(**change))[0] is True


def test_every_failure_is_told() -> None:
    certified, sentence = certify(Evidence(3, 0.1, -1.0, -2.0, 0.4))
    assert certified is False
    assert sentence.count(";") == 3


def test_without_stability_nothing_is_said_unless_another_test_fails() -> None:
    certified, sentence = certify(GOOD._replace(stability=None))
    assert certified is None
    assert sentence.startswith("Not judged: stability was not measured")
    assert certify(GOOD._replace(stability=None, size=2))[0] is False


def test_the_frame_gets_both_columns_with_or_without_fidelity() -> None:
    frame = pl.DataFrame([GOOD._asdict(), GOOD._replace(size=1)._asdict()])
    for given in (frame, frame.drop("fidelity")):
        judged = with_certificates(given)
        assert judged["certified"].to_list() == [True, False]
        assert judged["certificate"].str.contains("ertified: ").all()
    assert with_certificates(frame.clear()).columns[-2:] == ["certified", "certificate"]


def test_groups_that_nobody_judged_are_refused_with_a_way_out() -> None:
    frame = pl.DataFrame([GOOD._replace(stability=None)._asdict()], schema_overrides={"stability": pl.Float64})
    for unjudged in (frame, with_certificates(frame)):
        with pytest.raises(DataError, match="stability was not measured") as caught:
            certified_groups(unjudged)
        assert "--stability-refits" in str(caught.value.hint)
    judged = with_certificates(pl.DataFrame([GOOD._asdict(), GOOD._replace(size=1)._asdict()]))
    assert certified_groups(judged)["size"].to_list() == [120]
