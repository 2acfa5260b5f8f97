from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from coterie.interest import FitOptions, fit_interest
from coterie.progress import SilentProgress, SilentStep

if TYPE_CHECKING:
    from tests.interest.conftest import Shop

OPTIONS = FitOptions(dimensions=64, ridge=100.0)


class Listening(SilentProgress):
    def __init__(self) -> None:
        self.stages: list[str] = []

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[SilentStep]:
        self.stages.append(name)
        yield SilentStep()


def test_text_that_says_who_belongs_together_is_used(shop_data: Shop) -> None:
    model = fit_interest(shop_data.histories, shop_data.text, OPTIONS)
    assert model.text_prior == 3.0
    assert model.ridge == 100.0


def test_text_that_misleads_is_left_out(planted: sparse.csr_array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coterie.interest.fit.TEXT_PRIOR", 300.0)
    # Item i of each circle reads like item i of the others, and like nothing of its own circle.
    rng = np.random.default_rng(1)
    text = np.tile(rng.standard_normal((40, 40)), (3, 1)).astype(np.float32)
    assert fit_interest(planted, text, FitOptions(ridge=20.0, dimensions=64)).text_prior == 0.0
    assert fit_interest(planted, text, FitOptions(ridge=20.0, text_prior=2.0)).text_prior == 2.0


def test_without_text_there_is_no_text_prior(planted: sparse.csr_array) -> None:
    assert fit_interest(planted, np.zeros((120, 0), dtype=np.float32), OPTIONS).text_prior == 0.0


def test_nothing_is_chosen_where_everything_is_given(planted: sparse.csr_array) -> None:
    heard, asked = Listening(), Listening()
    text = np.ones((120, 1), dtype=np.float32)
    text[::2] = -1
    fit_interest(planted, text, FitOptions(text_prior=1.0), progress=heard)
    fit_interest(planted, text, FitOptions(), progress=asked)
    assert heard.stages == ["fitting interests"]
    assert asked.stages == ["choosing the text prior", "fitting interests"]


def test_few_users_leave_the_default() -> None:
    rng = np.random.default_rng(0)
    histories = sparse.csr_array((rng.random((40, 30)) < 0.3).astype(np.float32))
    assert fit_interest(histories, rng.standard_normal((30, 4)).astype(np.float32), FitOptions()).text_prior == 3.0
