"""The project's two API keys: each works for what it is used for, and for nothing else.

Neither is a secret: the page carries the one, every agent's credential the other. The dashboard's
key works from the dashboard's own addresses only. Agents have no address; their key signs in only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tachograph_cli.deploy.google import RefusedError

if TYPE_CHECKING:
    from tachograph_cli.deploy.google import Google, Json

DASHBOARD = "tachograph-dashboard"
AGENTS = "tachograph-agents"
SIGN_IN = ("identitytoolkit.googleapis.com", "securetoken.googleapis.com")
DASHBOARD_APIS = (*SIGN_IN, "firestore.googleapis.com")
_NOT_FOUND = 404


def dashboard_key(api: Google, project: str) -> tuple[str, str]:
    """Return the unique id of the dashboard's key, which is made where there is none, and words.

    Addresses that its owner allowed stay allowed. Raises RefusedError and NoCredentialsError.
    """
    wanted = {f"https://{host}/*" for host in hosts(api, project)}
    key = _key(api, project, DASHBOARD)
    restrictions = key.get("restrictions", {}) if key else {}
    allowed = set(restrictions.get("browserKeyRestrictions", {}).get("allowedReferrers", []))
    restricted = {
        "browserKeyRestrictions": {"allowedReferrers": sorted(allowed | wanted)},
        "apiTargets": _targets(DASHBOARD_APIS),
    }
    if key is None:
        key, words = _create(api, project, DASHBOARD, "Tachograph dashboard", restricted), "added"
    elif wanted <= allowed and restrictions.get("apiTargets"):
        words = "is there"
    else:
        key, words = _restrict(api, key, restricted), "restricted"
    return str(key["uid"]), words


def agents_key(api: Google, project: str) -> tuple[str, str]:
    """Return the agents' key itself, which is made where there is none, and words.

    Raises RefusedError and NoCredentialsError.
    """
    key, words = _key(api, project, AGENTS), "is there"
    restricted = {"apiTargets": _targets(SIGN_IN)}
    if key is None:
        key, words = _create(api, project, AGENTS, "Tachograph agents", restricted), "added"
    elif not key.get("restrictions", {}).get("apiTargets"):
        key, words = _restrict(api, key, restricted), "restricted"
    return str(api.get("apikeys", f"v2/{key['name']}/keyString")["keyString"]), words


def hosts(api: Google, project: str) -> list[str]:
    """Return the names under which the dashboard is served: Hosting's own, and custom ones."""
    path = f"v1beta1/projects/{project}/sites/{project}/customDomains"
    try:
        domains = api.get("firebasehosting", path).get("customDomains", [])
    except RefusedError as refusal:
        if refusal.status != _NOT_FOUND:
            raise
        domains = []
    custom = [str(domain["name"]).rpartition("/")[2] for domain in domains]
    return [f"{project}.web.app", f"{project}.firebaseapp.com", *custom]


def _key(api: Google, project: str, name: str) -> Json | None:
    try:
        return api.get("apikeys", f"v2/projects/{project}/locations/global/keys/{name}")
    except RefusedError as refusal:
        if refusal.status == _NOT_FOUND:
            return None
        raise


def _create(api: Google, project: str, name: str, title: str, restrictions: Json) -> Json:
    path = f"v2/projects/{project}/locations/global/keys"
    body = {"displayName": title, "restrictions": restrictions}
    return api.wait("apikeys", "v2", api.post("apikeys", path, body, keyId=name))


def _restrict(api: Google, key: Json, restrictions: Json) -> Json:
    body = {"restrictions": restrictions}
    operation = api.patch("apikeys", f"v2/{key['name']}", body, updateMask="restrictions")
    return api.wait("apikeys", "v2", operation)


def _targets(services: tuple[str, ...]) -> list[Json]:
    return [{"service": service} for service in services]
