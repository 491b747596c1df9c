"""The target of a deployment."""

from __future__ import annotations

from dataclasses import dataclass

_MULTI_REGIONS = {"nam5": "us-central1", "nam7": "us-central1", "eur3": "europe-west1"}
"""A region for the functions of each of Firestore's multi-regions, as in Terraform."""


@dataclass(frozen=True)
class Target:
    """A project, its database, and the name and region of the functions in it."""

    project: str
    location: str = "us-central1"
    """The database's location."""
    database: str = "(default)"
    name: str = "tachograph"
    """The beginning of every resource's name."""
    region: str = ""
    """The functions' region; empty: the one that goes with `location`."""

    @property
    def functions_region(self) -> str:
        """Return the region in which the functions run."""
        return self.region or _MULTI_REGIONS.get(self.location, self.location)
