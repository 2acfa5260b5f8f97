"""Recommendations of users, and the history that speaks for a group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.scoring import Scorer
from coterie.recommend.mixing import POOL, Candidates, mix
from coterie.recommend.offer import EVERYTHING, Offer


def user_lists(
    scorer: Scorer,
    histories: sparse.csr_array,
    k: int,
    *,
    include_seen: bool = False,
    barred: NDArray[np.bool_] | None = None,
    offer: Offer = EVERYTHING,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """The best k items of every user, exactly, as parallel arrays.

    Args:
        scorer: gives the scores.
        histories: weights, shape (n_users, n_items).
        k: items for each user; a user for whom fewer are left gets fewer.
        include_seen: recommend items of the history too.
        barred: items never recommended, shape (n_items,).
        offer: how lists are mixed; its filters are in `barred`.

    Returns:
        User rows, ranks from 1, item rows and scores, one entry for each recommendation. Users without history get
        what everyone is expected to like; without a trend and a prior there is nothing to tell, and they get none.
    """
    users = np.flatnonzero((np.diff(histories.indptr) > 0) | scorer.knows_strangers)
    chosen = mixed_items(scorer, histories[users], k, offer, include_seen=include_seen, barred=barred)
    place, rank = np.nonzero(chosen.items >= 0)
    return users[place], (rank + 1).astype(np.int32), chosen.items[place, rank], chosen.scores[place, rank]


def mixed_items(
    scorer: Scorer,
    histories: sparse.csr_array,
    k: int,
    offer: Offer,
    *,
    include_seen: bool = False,
    barred: NDArray[np.bool_] | None = None,
) -> Candidates:
    """Lists of k items for each history, mixed as the offer says; see `mix`."""
    if not offer.mixes:
        return Candidates(*scorer.top_items(histories, k, include_seen=include_seen, barred=barred))
    cold = scorer.interest.cold
    shut = np.zeros(len(cold), dtype=np.bool_) if barred is None else barred
    apart = offer.cold_places > 0
    found = Candidates(
        *scorer.top_items(histories, POOL * k, include_seen=include_seen, barred=shut | cold if apart else shut)
    )
    if apart:  # so that there are cold items to take, however low they stand
        found = found.beside(
            Candidates(*scorer.top_items(histories, 2 * k, include_seen=include_seen, barred=shut | ~cold))
        )
    shares = {"diversity": offer.diversity, "cold_places": offer.cold_places}
    return mix(found, k, scorer.interest.taste, cold=cold, **shares)


def group_histories(histories: sparse.csr_array, groups: NDArray[np.int32], n_groups: int) -> sparse.csr_array:
    """The history that speaks for each group: the mean of its users' histories, each scaled to sum to 1.

    Args:
        histories: weights, shape (n_users, n_items).
        groups: group row of each user, −1 for none, shape (n_users,).
        n_groups: number of groups.

    Returns:
        Shape (n_groups, n_items); a group without users has an empty history.
    """
    sums = np.asarray(histories.sum(axis=1)).ravel()
    inside = np.flatnonzero((groups >= 0) & (sums > 0))
    sizes = np.bincount(groups[inside], minlength=n_groups)
    members = sparse.csr_array(
        ((1 / (sums[inside] * sizes[groups[inside]])).astype(np.float32), (groups[inside], inside)),
        shape=(n_groups, histories.shape[0]),
    )
    together: sparse.csr_array = (members @ histories).tocsr()
    return together
