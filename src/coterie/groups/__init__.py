"""Room 4: groups of users, their number, and everyone's memberships."""

from coterie.groups.adapter import GROUPERS, Clusterer, make_grouper
from coterie.groups.density import Dbscan, Hdbscan
from coterie.groups.fit import GroupOptions, GroupsFound, find_groups
from coterie.groups.grouper import Grouper
from coterie.groups.kmeans import SphericalKMeans
from coterie.groups.leiden import LeidenGroups
from coterie.groups.mixture import GaussianGroups
from coterie.groups.model import Grouping, Memberships

__all__ = [
    "GROUPERS",
    "Clusterer",
    "Dbscan",
    "GaussianGroups",
    "GroupOptions",
    "Grouper",
    "Grouping",
    "GroupsFound",
    "Hdbscan",
    "LeidenGroups",
    "Memberships",
    "SphericalKMeans",
    "find_groups",
    "make_grouper",
]
