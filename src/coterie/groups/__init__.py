"""Room 4: groups of users, their number, and everyone's memberships."""

from coterie.groups.fit import GroupOptions, GroupsFound, find_groups
from coterie.groups.grouper import Grouper
from coterie.groups.kmeans import SphericalKMeans
from coterie.groups.model import Grouping, Memberships

__all__ = ["GroupOptions", "Grouper", "Grouping", "GroupsFound", "Memberships", "SphericalKMeans", "find_groups"]
