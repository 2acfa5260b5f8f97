"""Room 3: from histories and text vectors to taste vectors, companions, user vectors and scores."""

from coterie.interest.fit import FitOptions, fit_interest
from coterie.interest.gram import ItemStatistics
from coterie.interest.model import InterestModel
from coterie.interest.scoring import GroupPrior, Scorer

__all__ = ["FitOptions", "GroupPrior", "InterestModel", "ItemStatistics", "Scorer", "fit_interest"]
