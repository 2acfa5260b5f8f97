"""Progress on standard error: lines without a terminal, bars with one, silence when asked."""

import sys

import pytest

from coterie.cli import progress
from coterie.cli.progress import BarProgress, LineProgress, make_progress
from coterie.progress import SILENT


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    """A clock that only moves when told."""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_stage_shorter_than_a_second_is_not_told(clock, capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress().stage("reading"):
        clock.now += 0.9
    assert capsys.readouterr() == ("", "")


def test_a_longer_stage_is_told_with_its_count_and_time(clock, capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress().stage("encoding", total=4000, unit="texts") as step:
        step.advance(4000)
        clock.now += 2.5
    assert capsys.readouterr() == ("", "encoding: 4,000 texts, 2.5 s\n")


def test_one_of_something_is_told_in_the_singular(clock, capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress().stage("choosing", total=1, unit="numbers") as step:
        step.advance()
        clock.now += 2
    assert capsys.readouterr().err == "choosing: 1 number, 2.0 s\n"


def test_a_long_stage_is_told_every_ten_seconds_with_the_time_left(clock, capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress().stage("encoding", total=100, unit="texts") as step:
        for _ in range(25):
            clock.now += 1
            step.advance()
        told = capsys.readouterr().err.splitlines()
    assert told == ["encoding: 10 of 100 texts, about 90 s left", "encoding: 20 of 100 texts, about 80 s left"]


def test_a_stage_that_fails_is_not_told_as_done(clock, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), LineProgress().stage("reading"):
        clock.now += 5
        raise ValueError("no")
    assert capsys.readouterr().err == ""


def test_the_kind_of_progress_suits_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_progress(quiet=True) is SILENT
    assert isinstance(make_progress(quiet=False), LineProgress)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert isinstance(make_progress(quiet=False), BarProgress)


def test_bars_show_count_and_total_after_a_second_and_a_line_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    bars = BarProgress()
    with bars.stage("encoding", total=4000, unit="texts") as step:
        step.advance(1000)
        bars.note("[1] finished stage reused")
        bars._bars.refresh()
    out, err = capsys.readouterr()
    assert out == ""
    assert "1,000 of 4,000 texts" in err
    assert "[1] finished stage reused" in err
    assert "encoding: 1,000 texts, 0.0 s" in err


def test_bars_stop_when_the_work_is_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    bars = BarProgress()
    with pytest.raises(KeyboardInterrupt), bars.stage("outer"), bars.stage("inner"):
        raise KeyboardInterrupt
    assert not bars._bars.live.is_started
    assert bars._bars.tasks == []
    with bars.stage("again"):
        assert bars._bars.live.is_started
    assert not bars._bars.live.is_started
