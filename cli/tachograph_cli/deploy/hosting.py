"""Firebase, sign-in and the dashboard's files: the part that Terraform's provider cannot do.

`google_firebase_*` is in google-beta only, and its hosting takes no files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tachograph.errors import OperatorError
from tachograph_cli.deploy import api_keys
from tachograph_cli.deploy.google import RefusedError
from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tachograph_cli.deploy.google import Google

APP = "Tachograph dashboard"
_EXISTS = "ALREADY_EXISTS"


class NoFirebaseError(OperatorError):
    """firebase-tools or Node are not on this machine."""


def prepare(api: Google, project: str) -> Iterator[str]:
    """Add each thing that hosting needs and that is not there, and yield a line about it.

    Raises RefusedError and NoCredentialsError.
    """
    yield f"Firebase: {_add_firebase(api, project)}"
    yield f"sign-in: {_turn_on_sign_in(api, project)}"
    yield f"site: {_add_site(api, project)}"
    uid, words = api_keys.dashboard_key(api, project)
    yield f"API key of the dashboard: {words}"
    yield f"web app: {_add_app(api, project, uid)}"
    key, words = api_keys.agents_key(api, project)
    yield f"API key of agents: {words}; to enroll them: export TACHOGRAPH_API_KEY={key}"


def command(root: Path, project: str) -> list[str]:
    """Return the command that uploads the dashboard. Raises NoFirebaseError."""
    node, firebase = machine.find_node(), machine.find_firebase(root)
    if isinstance(node, Missing):
        raise NoFirebaseError(str(node))
    if isinstance(firebase, Missing):
        raise NoFirebaseError(str(firebase))
    deploy = ["deploy", "--only", "hosting", "--project", project, "--non-interactive"]
    return [str(node.path), str(firebase.path), *deploy]


def name_database(page: Path, database: str) -> None:
    """Write the name of the database into the built page, which listens to it."""
    content = re.compile(r'(?<=<meta name="firestore-database" content=")[^"]*')
    page.write_text(content.sub(database, page.read_text()))


def _add_firebase(api: Google, project: str) -> str:
    try:
        operation = api.post("firebase", f"v1beta1/projects/{project}:addFirebase", {})
    except RefusedError as refusal:
        return _is_there(refusal)
    api.wait("firebase", "v1beta1", operation)
    return "added"


def _turn_on_sign_in(api: Google, project: str) -> str:
    path = f"v2/projects/{project}/identityPlatform:initializeAuth"
    try:
        api.post("identitytoolkit", path, {})
    except RefusedError as refusal:
        return _is_there(refusal)
    return "turned on"


def _add_app(api: Google, project: str, key: str) -> str:
    # Hosting serves this app's configuration to the dashboard, from /__/firebase/init.json.
    path = f"v1beta1/projects/{project}/webApps"
    apps = api.get("firebase", path).get("apps", [])
    if not apps:
        body = {"displayName": APP, "apiKeyId": key}
        api.wait("firebase", "v1beta1", api.post("firebase", path, body))
        return "added"
    own = next((app for app in apps if app.get("displayName") == APP), None)
    if own is None or own.get("apiKeyId") == key:
        return "is there"
    app = f"{path}/{own['appId']}"
    api.patch("firebase", app, {"apiKeyId": key}, updateMask="apiKeyId")
    return "uses that key now"


def _add_site(api: Google, project: str) -> str:
    try:
        api.post("firebasehosting", f"v1beta1/projects/{project}/sites", {}, siteId=project)
    except RefusedError as refusal:
        return _is_there(refusal)
    return "added"


def _is_there(refusal: RefusedError) -> str:
    # Identity Platform says that it is on already as INVALID_ARGUMENT.
    if refusal.reason == _EXISTS or "already" in refusal.message.lower():
        return "is there"
    raise refusal
