from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tachograph_cli.local import ports
from tachograph_cli.local.reservation import Reservation


def test_the_usual_ports_are_chosen_when_they_are_free() -> None:
    assert ports.choose(lambda _: True) == ports.USUAL


def test_busy_ports_are_chosen_around() -> None:
    busy = {5000, 8080, 8081, 9099}
    chosen = ports.choose(lambda port: port not in busy)
    assert busy.isdisjoint(chosen.values())
    assert chosen["firestore"] == 8082
    assert chosen["hub"] == ports.USUAL["hub"]


def test_no_two_services_get_the_same_port() -> None:
    usual = {"one": 100, "two": 100, "three": 101, "four": 100}
    chosen = ports.choose(lambda _: True, usual)
    assert len(set(chosen.values())) == len(usual)
    assert chosen["three"] == 101


def test_a_service_that_moves_leaves_the_others_their_usual_ports() -> None:
    chosen = ports.choose(lambda port: port != 5000)
    assert chosen["functions"] == 5001
    assert chosen["hosting"] == 5002


def test_a_service_never_moves_to_the_usual_port_of_one_that_does_not_run() -> None:
    usual = {"hosting": ports.USUAL["hosting"]}
    assert ports.choose(lambda port: port != 5000, usual) == {"hosting": 5002}


def test_a_port_meant_for_another_service_is_left_to_it() -> None:
    assert ports.choose(lambda _: True, taken={8080})["firestore"] == 8081


def test_a_port_that_browsers_refuse_is_never_chosen() -> None:
    assert ports.choose(lambda _: True, {"hosting": 6665})["hosting"] == 6670


def test_no_free_port_is_an_error_that_names_the_service() -> None:
    with pytest.raises(OSError, match="hosting: ports 5000-65535 are busy; expected one free port"):
        ports.choose(lambda _: False, {"hosting": 5000})


@pytest.mark.parametrize(
    ("family", "host"),
    [
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - a listener of another program may well be there
        (socket.AF_INET6, "::1"),
        (socket.AF_INET6, "::"),
    ],
)
def test_a_port_somebody_listens_on_at_any_address_is_busy(
    family: socket.AddressFamily, host: str
) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            assert family is socket.AF_INET6, "IPv4 is always there"
            return  # a machine without IPv6 has nobody listening on it
        listener.listen()
        port = listener.getsockname()[1]
        assert not ports.is_free(port)
    assert ports.is_free(port)


def test_a_port_another_stack_has_spoken_for_is_not_taken_until_it_is_given_up(
    tmp_path: Path,
) -> None:
    one, two = Reservation(tmp_path), Reservation(tmp_path)
    assert one.take(8080)
    assert one.take(8080)
    assert not two.take(8080)
    one.release()
    assert two.take(8080)
    two.release()
