"""The page in a real browser: it draws, fits a phone, follows the theme, obeys the keyboard and runs no title."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coterie.report import write_report

HOSTILE = ("</script><script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "<b>bold</b>")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, or the one that CHROMIUM names."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium on this machine (apt install chromium, or name one in CHROMIUM)")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the report on a model; the test fails if the page logs an error or asks for anything but itself."""
    contexts, troubles = [], []

    def open_report(model: Any, *, width: int = 1280, theme: str = "light") -> Any:
        path = tmp_path / "report.html"
        write_report(model, path)
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: troubles.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert troubles == []


def painted(page: Any) -> int:
    """Pixels of the map that are not empty."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("plane");
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let count = 0;
            for (let at = 3; at < pixels.length; at += 4) count += pixels[at] > 0;
            return count;
        }"""
    )


def background(page: Any) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_is_drawn(make_model, show: Open, theme: str):
    page = show(make_model(12, users=2_000, points=2_000), theme=theme)
    assert painted(page) > 5_000


def test_nothing_sticks_out_on_a_phone(make_model, show: Open):
    long = ["Averylongwordwithoutanyspace" * 4] * 20
    page = show(make_model(20, titles=long, names=long, points=500), width=390)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert painted(page) > 1_000


def test_the_page_follows_the_system_and_remembers_the_readers_choice(make_model, show: Open):
    model = make_model(3)
    light = background(show(model))
    page = show(model, theme="dark")
    dark = background(page)
    assert light != dark
    page.get_by_role("button", name="Switch to the light theme").click()
    assert background(page) == light
    page.reload()
    assert background(page) == light


def test_nothing_that_a_title_says_is_run(make_model, show: Open):
    page = show(make_model(3, titles=[*HOSTILE, *(f"Item {n}" for n in range(9))], names=HOSTILE))
    page.locator("#plane").focus()
    page.keyboard.press("ArrowRight")
    assert HOSTILE[0] in page.locator("#tip").inner_text()
    assert page.evaluate("window.hacked") is None


def test_a_script_that_got_into_the_page_would_not_run(make_model, browser: Any, tmp_path: Path):
    write_report(make_model(2), tmp_path / "report.html")
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto((tmp_path / "report.html").as_uri())
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { text: 'window.hacked = 1' }))"
    )
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in message for message in refused)
    page.close()


def test_the_keyboard_goes_from_group_to_group_and_to_its_card(make_model, show: Open):
    page = show(make_model(14, users=1_000, points=1_000))
    whole = painted(page)
    page.locator("#plane").focus()
    page.keyboard.press("ArrowLeft")
    assert "14" in page.locator("#tip").inner_text()
    assert not page.locator("#group-14").evaluate("card => card.open")
    page.keyboard.press("Enter")
    assert page.locator("#group-14").evaluate("card => card.open")
    assert page.evaluate("document.activeElement.closest('.card').id") == "group-14"
    page.locator("#plane").focus()
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    assert painted(page) == whole


def test_a_number_stands_where_most_of_its_group_is(make_model, show: Open):
    """Of the three parts of group 1, the middle one is small, and amid the other group."""
    x = np.repeat([-0.8, -0.05, 0.05, 0.8], [60, 9, 40, 50])
    group = np.repeat([1, 1, 2, 1], [60, 9, 40, 50])
    spread = np.random.default_rng(0).normal(0, 0.01, (2, len(x)))
    places = pl.DataFrame({"x": x + spread[0], "y": spread[1], "group_id": group}).cast(
        {"x": pl.Float32, "y": pl.Float32, "group_id": pl.Int32}
    )
    page = show(make_model(2, map=places))
    left = []
    for _ in range(2):
        page.locator("#plane").focus()
        page.keyboard.press("ArrowRight")
        told, place = page.locator("#tip").inner_text(), page.locator("#tip").bounding_box()
        left.append((told[0], place["x"]))
    assert [number for number, _ in left] == ["1", "2"]
    assert left[1][1] - left[0][1] > 0.25 * page.locator("#plane").bounding_box()["width"]


def test_a_click_on_a_dot_goes_to_the_card_of_its_group(make_model, show: Open):
    page = show(make_model(1, points=1))
    spot = page.evaluate(
        """() => {
            const canvas = document.getElementById("plane"), zoom = window.devicePixelRatio;
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const first = pixels.findIndex((value, at) => at % 4 === 3 && value > 0) >> 2;
            return { x: (first % canvas.width) / zoom, y: Math.floor(first / canvas.width) / zoom };
        }"""
    )
    page.locator("#plane").click(position=spot)
    assert page.url.endswith("#group-1")


def test_a_click_on_a_heading_sorts_the_table(make_model, show: Open):
    page = show(make_model(12))
    gains = "[...document.querySelectorAll('#overview-table tbody tr')].map(row => Number(row.cells[4].dataset.value))"
    page.get_by_role("button", name="Gain").click()
    assert page.evaluate(gains) == sorted(page.evaluate(gains), reverse=True)
    page.get_by_role("button", name="Gain").click()
    assert page.evaluate(gains) == sorted(page.evaluate(gains))
    assert page.locator("#overview-table th[aria-sort]").count() == 1


def test_the_page_reads_well_without_scripts(make_model, browser: Any, tmp_path: Path):
    write_report(make_model(14), tmp_path / "report.html")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.get_by_text("Name of 14").first.is_visible()
    assert page.get_by_role("button", name="Open all").count() == 0
    context.close()


def test_a_printed_report_opens_every_card(make_model, show: Open):
    page = show(make_model(14))
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('.card')].every(card => card.open)")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#group-14").evaluate("card => card.open")
