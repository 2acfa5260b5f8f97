"""Room 3: from histories and text vectors to taste vectors, companions, user vectors and scores."""

from coterie.interest.fit import FitOptions, fit_interest
from coterie.interest.gram import ItemStatistics
from coterie.interest.model import InterestModel

__all__ = ["FitOptions", "InterestModel", "ItemStatistics", "fit_interest"]
