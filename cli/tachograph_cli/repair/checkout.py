"""The functions' own code, for the commands that check and repair what it has counted.

It is no part of the installed package: operators run these commands from a checkout, so that both
sides count alike.
"""

from __future__ import annotations

import os
import sys

from google.cloud import firestore

from tachograph.errors import OperatorError
from tachograph.firestore.client import service_client
from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing


class NoCheckoutError(OperatorError):
    """The functions' code is not on this machine."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(
            f"functions/: {missing.found}; expected a checkout of the repository, "
            f"at the version that is deployed: {missing.remedy}"
        )


def enter() -> firestore.Client:
    """Make functions/ importable and return the client for the environment's Firestore.

    Raises NoCheckoutError or NotConnectedError, which say what to do.
    """
    root = machine.find_root()
    if isinstance(root, Missing):
        raise NoCheckoutError(root)
    folder = str(root.path / "functions")
    if folder not in sys.path:
        sys.path.append(folder)  # last, as functions-framework does
    client = service_client()
    os.environ.setdefault("GOOGLE_CLOUD_PROJECT", client.project)
    return client
