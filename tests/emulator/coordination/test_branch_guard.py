"""A guarded branch: one agent at a time, whatever clocks say, and git's own refusals counted."""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from tachograph import BranchHeld, Fleet
from tachograph.coordination.branch_lease import Lease
from tachograph_schema.documents.coordination import Lease as LeaseDocument
from tachograph_schema.parsing import parse
from tachograph_schema.paths import INCIDENTS, LEASES, lease_id

_LONG_S = 3600.0


def _incidents(db: firestore.Client, fleet: str) -> list[dict[str, Any]]:
    found = db.collection("fleets", fleet, INCIDENTS).stream()
    return [incident.to_dict() or {} for incident in found]


def _lease(db: firestore.Client, fleet: str, agent: str, lease_s: float, **clock: Any) -> Lease:  # noqa: ANN401
    return Lease(
        db, fleet, "shop", "main", agent=agent, session_id=f"s-{agent}", lease_s=lease_s, **clock
    )


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Path, Path]:
    """Give two working copies of one remote, with a commit on main."""
    remote = tmp_path / "remote.git"
    _git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    first, second = tmp_path / "first", tmp_path / "second"
    _git(tmp_path, "clone", "--quiet", str(remote), str(first))
    _git(first, "checkout", "--quiet", "-b", "main")
    _git(first, "config", "user.name", "t")
    _git(first, "config", "user.email", "t@t")
    _commit(first, "one")
    _git(first, "push", "--quiet", "origin", "main")
    _git(tmp_path, "clone", "--quiet", str(remote), str(second))
    return first, second


def _commit(folder: Path, words: str) -> str:
    (folder / "file").write_text(words)
    _git(folder, "add", "file")
    _git(folder, "commit", "--quiet", "-m", words)
    return _git(folder, "rev-parse", "HEAD")


def test_branch_that_is_held_is_refused_by_name_and_counted_once(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        first, second = fleet.session("b-1"), fleet.session("b-2")
        with first.guard_repo("org/shop", "feature/a") as guard:
            assert guard.held
            held = db.document("fleets", fleet_name, LEASES, lease_id("org/shop", "feature/a"))
            fields = held.get().to_dict() or {}
            for _ in range(2):
                with (
                    pytest.raises(BranchHeld, match="held by b-1") as refused,
                    second.guard_repo("org/shop", "feature/a"),
                ):
                    pytest.fail("two hold the branch")
            with second.guard_repo("org/shop", "feature/b"):
                pass  # another branch
        assert refused.value.agent == "b-1"
        with second.guard_repo("org/shop", "feature/a") as guard:
            assert guard.held
    document, problems = parse(LeaseDocument, fields)
    assert problems == ()
    assert set(fields) <= set(type(document).model_fields)
    [incident] = _incidents(db, fleet_name)
    assert (incident["kind"], incident["agent_id"]) == ("branch_held", "b-2")
    assert (incident["other_agent_id"], incident["branch"]) == ("b-1", "feature/a")
    assert list(db.collection("fleets", fleet_name, LEASES).stream()) == []


def test_one_of_many_contenders_gets_the_branch(db: firestore.Client, fleet_name: str) -> None:
    leases = [_lease(db, fleet_name, f"b-{n}", _LONG_S) for n in range(8)]

    def contend(lease: Lease) -> bool:
        try:
            lease.acquire()
        except BranchHeld:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(contend, leases))
    assert [lease.held for lease in leases] == won
    assert sum(won) == 1


def test_lease_that_nobody_renews_is_taken_over_and_its_holder_learns_it(
    db: firestore.Client, fleet_name: str
) -> None:
    crashed, next_one = (_lease(db, fleet_name, agent, 0.001) for agent in ("b-1", "b-2"))
    crashed.acquire()
    while True:  # until a second has passed by the database's clock
        try:
            next_one.acquire()
        except BranchHeld:
            continue
        break
    assert not crashed.renew()
    assert not crashed.held
    crashed.release()
    assert next_one.holder() == "b-2"  # what it no longer holds, it does not release
    assert next_one.renew()


def test_holder_stops_believing_in_its_lease_before_others_may_take_it(
    db: firestore.Client, fleet_name: str
) -> None:
    now_s = 100.0
    lease = _lease(db, fleet_name, "b-1", 60.0, clock_s=lambda: now_s)
    lease.acquire()
    now_s = 159.9
    assert lease.held
    now_s = 160.0
    assert not lease.held
    assert lease.renew()  # cut off for long, but nobody has taken it
    assert lease.held


def test_lease_is_kept_for_as_long_as_the_block_lasts(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        first, second = fleet.session("b-1"), fleet.session("b-2")
        ref = db.document("fleets", fleet_name, LEASES, lease_id("shop", "main"))
        with first.guard_repo("shop", "main", lease_s=3.0):
            versions: set[object] = set()
            renewed = threading.Event()

            def seen(documents: list[Any], *_: object) -> None:
                versions.update(found.update_time for found in documents)
                if len(versions) > 3:
                    renewed.set()

            watch = ref.on_snapshot(seen)
            assert renewed.wait(60)
            watch.unsubscribe()
            with pytest.raises(BranchHeld), second.guard_repo("shop", "main"):
                pytest.fail("two hold the branch")


def test_push_that_git_refuses_is_an_incident_and_a_foreign_commit_a_contamination(
    db: firestore.Client, fleet_name: str, copies: tuple[Path, Path]
) -> None:
    mine, theirs = copies
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        with session.guard_repo("shop", "main", folder=mine) as guard:
            _commit(mine, "mine")
            foreign = _commit(theirs, "theirs")
            _git(theirs, "push", "--quiet", "origin", "main")  # asked nobody
            with pytest.raises(subprocess.CalledProcessError):
                guard.git("push", "origin", "main")
            assert guard.git("diff", "--quiet", "HEAD~1", check=False).returncode == 1
            assert guard.git("commit", "-m", "nothing", check=False).returncode == 1
    told = {found["kind"]: found for found in _incidents(db, fleet_name)}
    assert set(told) == {"git_failure", "branch_contamination"}
    assert told["git_failure"]["reason"] == "non_fast_forward"
    assert told["git_failure"]["detail"] == "git push"
    assert told["branch_contamination"]["detail"] == foreign


def test_branch_that_only_its_holder_changed_is_not_contaminated(
    db: firestore.Client, fleet_name: str, copies: tuple[Path, Path]
) -> None:
    first, second = copies
    with Fleet(fleet_name) as fleet:
        for folder, agent in ((first, "b-1"), (second, "b-2")):
            with fleet.session(agent).guard_repo("shop", "main", folder=folder) as guard:
                guard.git("pull", "--quiet", "origin", "main")
                _commit(folder, agent)
                guard.git("push", "--quiet", "origin", "main")
                _git(folder, "reset", "--quiet", "--hard", "HEAD~1")  # its own business
    assert _incidents(db, fleet_name) == []


def test_lost_lease_keeps_git_from_running(
    db: firestore.Client, fleet_name: str, copies: tuple[Path, Path]
) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        with session.guard_repo("shop", "main", folder=copies[0], lease_s=_LONG_S) as guard:
            db.document("fleets", fleet_name, LEASES, lease_id("shop", "main")).update(
                {"guard_id": "another", "agent_id": "b-2"}
            )
            assert not guard._lease.renew()
            with pytest.raises(BranchHeld, match="held by b-2"):
                guard.git("push", "origin", "main")
    [incident] = _incidents(db, fleet_name)
    assert (incident["kind"], incident["other_agent_id"]) == ("branch_held", "b-2")


def test_lease_of_no_length_is_refused_with_what_is_allowed(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    with (
        Fleet(fleet_name) as fleet,
        pytest.raises(ValueError, match="lease_s is 0; expected seconds, 1-86400"),
    ):
        fleet.session("b-1").guard_repo("shop", "main", lease_s=0)
