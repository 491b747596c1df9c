"""Every attack of the table is refused, and its legitimate neighbour is not."""

from __future__ import annotations

from google.cloud import firestore

from rules.attacks import rows
from support.fleets.two_agents import seed
from support.rules import ActingClient


def test_every_attack_is_refused_and_its_neighbour_allowed(
    acting: ActingClient, admin: firestore.Client, fleet_name: str
) -> None:
    wrong = []
    table = rows()
    seed(admin, fleet_name)  # one for all attacks: what is refused changes nothing
    for n, row in enumerate(table):
        if row.attack.is_allowed(acting, fleet_name):
            wrong.append(f"allowed: {row.name}")
            seed(admin, fleet_name)
        beside = f"{fleet_name}-{n}"
        seed(admin, beside)
        refusal = row.neighbour.refusal(acting, beside)
        if refusal is not None:
            wrong.append(f"refused: what is beside {row.name}: {refusal}")
    assert wrong == []
    assert len(table) >= 120
    assert len({row.name for row in table}) == len(table)
