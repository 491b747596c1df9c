"""Ports for the emulators: the usual ones where they are free, others where they are not."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

USUAL: Mapping[str, int] = {
    "hosting": 5000,
    "functions": 5001,
    "firestore": 8080,
    "auth": 9099,
    "hub": 4400,
    "logging": 4500,
    "websocket": 9150,  # of Firestore's own user interface
    "eventarc": 9299,
    "tasks": 9499,
}
"""Firebase's own choice for each service."""

# Ports above 1023 that browsers refuse to open and that a search from the usual ones could meet.
REFUSED_BY_BROWSERS = frozenset(
    {4045, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 10080}
)
LAST = 65535


def choose(
    is_free: Callable[[int], bool], usual: Mapping[str, int] = USUAL, taken: Iterable[int] = ()
) -> dict[str, int]:
    """Give each service a free port of its own: its usual one, else the next above.

    `is_free` tells whether a port can be had. `taken` are ports to avoid although they look free,
    such as those meant for another service. Raises OSError where no port is free.
    """
    used = {*taken, *REFUSED_BY_BROWSERS}
    chosen: dict[str, int] = {}
    # Usual ports first, so that no service is moved to the usual port of another.
    for service, port in usual.items():
        if port not in used and is_free(port):
            chosen[service] = port
            used.add(port)
    for service, first in usual.items():
        if service in chosen:
            continue
        # Nor to that of one which does not run: firebase-tools never gives hosting port 5001.
        reserved = used | set(usual.values()) | set(USUAL.values())
        above = (
            port for port in range(first + 1, LAST + 1) if port not in reserved and is_free(port)
        )
        port = next(above, 0)
        if not port:
            raise OSError(
                errno.EADDRINUSE,
                f"{service}: ports {first}-{LAST} are busy; expected one free port",
            )
        chosen[service] = port
        used.add(port)
    return {service: chosen[service] for service in usual}


def is_free(port: int) -> bool:
    """Tell whether no program listens on this port, on any address of this machine, IPv4 or IPv6.

    A listener on [::1]:5000 alone would take the browser's http://localhost:5000 from an emulator
    on 127.0.0.1.
    """
    return all(
        _can_listen(family, host, port)
        for family, host in (
            (socket.AF_INET, "127.0.0.1"),
            (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - a test of the port; nothing stays
            (socket.AF_INET6, "::1"),
            (socket.AF_INET6, "::"),
        )
    )


def _can_listen(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            # A port whose last connection is still in TIME_WAIT is free: the emulators set this
            # option too.
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                attempt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            attempt.bind((host, port))
            attempt.listen(1)
    except OSError as error:
        # A machine without IPv6 cannot have a port busy there.
        return error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
    return True
