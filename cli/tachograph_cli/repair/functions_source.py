"""The functions' code from the checkout, for the commands that check and repair its counting.

It is no part of the installed package: these commands run from a checkout of the version that is
deployed, so that both sides count alike.
"""

from __future__ import annotations

import os
import sys

from google.cloud import firestore

from tachograph.errors import OperatorError
from tachograph.firestore.client import service_client
from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing


class NoFunctionsError(OperatorError):
    """The functions' code is not on this machine."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(
            f"functions/: {missing.found}; expected a checkout of the repository, "
            f"at the version that is deployed: {missing.remedy}"
        )


def connect() -> firestore.Client:
    """Make functions/ importable and return a client that no rule binds.

    Raises NoFunctionsError and NotConnectedError, which say what to do.
    """
    root = machine.find_root()
    if isinstance(root, Missing):
        raise NoFunctionsError(root)
    folder = str(root.path / "functions")
    if folder not in sys.path:
        sys.path.append(folder)  # last, as functions-framework does
    client = service_client()
    os.environ.setdefault("GOOGLE_CLOUD_PROJECT", client.project)
    return client
