"""Every condition of the rules is there for an attack: without it, a row of the table fails.

tests/cases/mutants.yaml says which row that is; of a new condition, the test says which to add.
"""

from __future__ import annotations

import yaml
from google.cloud import firestore

from rules.attacks import rows
from rules.attacks.row import Row
from rules.mutants import mutants
from support.fleets.two_agents import seed
from support.places import CASES
from support.rules import ActingClient, load_rules

MUTANTS = CASES / "mutants.yaml"


class Fleets:
    """Fleets to attack: one until an attack succeeds, then a fresh one."""

    def __init__(self, admin: firestore.Client, name: str) -> None:
        self._admin, self._name, self._number = admin, name, 0
        self.current = self.fresh()

    def fresh(self) -> str:
        """Make another fleet, as yet unharmed."""
        self._number += 1
        self.current = f"{self._name}-{self._number}"
        seed(self._admin, self.current)
        return self.current


def test_every_condition_that_is_removed_lets_an_attack_through_or_stops_a_neighbour(
    acting: ActingClient, admin: firestore.Client, host: str, rules: str, fleet_name: str
) -> None:
    by_name = {row.name: row for row in rows()}
    expected: dict[str, str] = yaml.safe_load(MUTANTS.read_text())
    fleets = Fleets(admin, fleet_name)
    wrong: list[str] = []
    conditions = list(mutants(rules))
    try:
        for mutant in conditions:
            row = by_name.get(expected.get(str(mutant), ""))
            load_rules(host, mutant.alone)
            if row is not None and is_let_through(acting, fleets, row):
                continue
            load_rules(host, mutant.rules)
            if row is None or not fails(acting, fleets, row):
                killer = next((one for one in by_name.values() if fails(acting, fleets, one)), None)
                wrong.append(f"{mutant}: {killer and killer.name}")
    finally:
        load_rules(host, rules)
    assert wrong == [], "expected in tests/cases/mutants.yaml"
    assert expected.keys() == {str(mutant) for mutant in conditions}
    assert len(conditions) > 100


def is_let_through(acting: ActingClient, fleets: Fleets, row: Row) -> bool:
    """Tell whether the attack of a row is let through."""
    allowed = row.attack.is_allowed(acting, fleets.current)
    if allowed:
        fleets.fresh()  # the next attack meets what none has changed
    return allowed


def fails(acting: ActingClient, fleets: Fleets, row: Row) -> bool:
    """Tell whether a row fails: its attack is let through, or its neighbour is not."""
    if is_let_through(acting, fleets, row):
        return True
    allowed = row.neighbour.is_allowed(acting, fleets.current)
    fleets.fresh()
    return not allowed
