"""A fake of Google's admin APIs over HTTP: the calls of a deployment, and their refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PROJECT = "my-project"
ACCOUNT = f"deployer@{PROJECT}.iam.gserviceaccount.com"

Json = dict[str, Any]
Answer = tuple[int, Json]


@dataclass
class Cloud:
    """One project, in the state that a test sets."""

    state: str = "ACTIVE"
    billing: bool = True
    permissions: set[str] | None = None  # None: all of them
    disabled: set[str] = field(default_factory=set)
    databases: dict[str, Json] = field(default_factory=dict)
    functions: list[Json] = field(default_factory=list)
    job: Json | None = None
    rules: bool = False
    hosted: bool = False
    firebase: bool = False
    apps: list[Json] = field(default_factory=list)
    keys: dict[str, Json] = field(default_factory=dict)
    domains: list[str] = field(default_factory=list)
    weather: int = 0
    """The number of next requests that are answered with 503."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    tokens: int = 0

    def answer(self, method: str, path: str, query: Json, body: Json) -> Answer:
        """Answer a request to `/{service}/...`; 501 for an unknown method."""
        for pattern, call in _METHODS:
            match = re.fullmatch(pattern, f"{method} {path}")
            if match:
                return call(self, match.groupdict(), query, body)
        return refusal(501, "UNIMPLEMENTED", f"{method} {path}")


def refusal(status: int, reason: str, message: str) -> Answer:
    """Return an error as Google writes it."""
    error = {"code": status, "status": reason, "message": message}
    if reason == "SERVICE_DISABLED":
        error |= {"status": "PERMISSION_DENIED", "details": [{"reason": reason}]}
    return status, {"error": error}


def _needs(service: str) -> Callable[[_Method], _Method]:
    def guard(method: _Method) -> _Method:
        def guarded(cloud: Cloud, names: Json, query: Json, body: Json) -> Answer:
            if service in cloud.disabled:
                return refusal(403, "SERVICE_DISABLED", f"{service} has not been used in project")
            return method(cloud, names, query, body)

        return guarded

    return guard


_Method = Callable[[Cloud, Json, Json, Json], Answer]


@_needs("cloudresourcemanager.googleapis.com")
def _project(cloud: Cloud, names: Json, _query: Json, _body: Json) -> Answer:
    if names["project"] != PROJECT:
        return refusal(403, "PERMISSION_DENIED", "The caller does not have permission")
    return 200, {"name": "projects/123456789012", "projectId": PROJECT, "state": cloud.state}


def _permissions(cloud: Cloud, _names: Json, _query: Json, body: Json) -> Answer:
    held = [p for p in body["permissions"] if cloud.permissions is None or p in cloud.permissions]
    return 200, {"permissions": held} if held else {}


def _billing(cloud: Cloud, _names: Json, _query: Json, _body: Json) -> Answer:
    if not cloud.billing:
        return 200, {"billingEnabled": False}
    return 200, {
        "billingEnabled": True,
        "billingAccountName": "billingAccounts/012345-6789AB-CDEF01",
    }


def _services(cloud: Cloud, _names: Json, query: Json, _body: Json) -> Answer:
    if len(query["names"]) > 30:
        return refusal(400, "INVALID_ARGUMENT", "at most 30 names")
    return 200, {
        "services": [
            {
                "name": name,
                "state": "DISABLED" if name.rpartition("/")[2] in cloud.disabled else "ENABLED",
            }
            for name in query["names"]
        ]
    }


def _enable(cloud: Cloud, _names: Json, _query: Json, body: Json) -> Answer:
    cloud.disabled -= set(body["serviceIds"])
    return 200, {"name": "operations/enable", "done": False}


def _operation(_cloud: Cloud, names: Json, _query: Json, _body: Json) -> Answer:
    if names["operation"] == "fails":
        return 200, {
            "name": "operations/fails",
            "done": True,
            "error": {"code": 9, "message": "no"},
        }
    return 200, {"name": f"operations/{names['operation']}", "done": True, "response": {}}


@_needs("firestore.googleapis.com")
def _database(cloud: Cloud, names: Json, _query: Json, _body: Json) -> Answer:
    database = cloud.databases.get(names["database"])
    if database is None:
        return refusal(404, "NOT_FOUND", f"no database {names['database']}")
    return 200, database


@_needs("cloudfunctions.googleapis.com")
def _functions(cloud: Cloud, names: Json, query: Json, _body: Json) -> Answer:
    if query["filter"] != ["labels.tachograph:tachograph"]:
        return 200, {}
    here = [one for one in cloud.functions if f"/locations/{names['region']}/" in one["name"]]
    start = int(query.get("pageToken", ["0"])[0] or 0)
    page = {"functions": here[start : start + 3]}
    return 200, page | ({"nextPageToken": str(start + 3)} if start + 3 < len(here) else {})


def _job(cloud: Cloud, _names: Json, _query: Json, _body: Json) -> Answer:
    return (200, cloud.job) if cloud.job else refusal(404, "NOT_FOUND", "no job")


def _rules(cloud: Cloud, _names: Json, _query: Json, _body: Json) -> Answer:
    if not cloud.rules:
        return refusal(404, "NOT_FOUND", "no release")
    return 200, {"updateTime": "2026-03-01T12:00:00Z"}


def _releases(cloud: Cloud, _names: Json, _query: Json, _body: Json) -> Answer:
    return 200, {"releases": [{"name": "a"}]} if cloud.hosted else {}


def _add_firebase(cloud: Cloud, _names: Json, _query: Json, _body: Json) -> Answer:
    if cloud.firebase:
        return refusal(409, "ALREADY_EXISTS", "Requested entity already exists")
    cloud.firebase = True
    return 200, {"name": "operations/firebase"}


def _sign_in(cloud: Cloud, _names: Json, _query: Json, _body: Json) -> Answer:
    if cloud.apps:
        return refusal(400, "INVALID_ARGUMENT", "Identity Platform has already been enabled")
    return 200, {}


def _apps(cloud: Cloud, _names: Json, _query: Json, _body: Json) -> Answer:
    return 200, {"apps": cloud.apps} if cloud.apps else {}


def _add_app(cloud: Cloud, _names: Json, _query: Json, body: Json) -> Answer:
    cloud.apps.append(body | {"appId": "1:2:web:3"})
    return 200, {"name": "operations/app"}


def _change_app(cloud: Cloud, names: Json, query: Json, body: Json) -> Answer:
    [app] = [app for app in cloud.apps if app["appId"] == names["app"]]
    app |= {name: body[name] for name in query["updateMask"]}
    return 200, app


@_needs("apikeys.googleapis.com")
def _key(cloud: Cloud, names: Json, _query: Json, _body: Json) -> Answer:
    key = cloud.keys.get(names["key"])
    return (200, key) if key else refusal(404, "NOT_FOUND", "no key")


@_needs("apikeys.googleapis.com")
def _add_key(cloud: Cloud, _names: Json, query: Json, body: Json) -> Answer:
    [name] = query["keyId"]
    path = f"projects/123456789012/locations/global/keys/{name}"
    cloud.keys[name] = {"name": path, "uid": f"uid-{name}", **body}
    return 200, {"name": "operations/key", "done": True, "response": cloud.keys[name]}


def _change_key(cloud: Cloud, names: Json, query: Json, body: Json) -> Answer:
    key = cloud.keys[names["key"]]
    key |= {name: body[name] for name in query["updateMask"]}
    return 200, {"name": "operations/key", "done": True, "response": key}


def _key_string(_cloud: Cloud, names: Json, _query: Json, _body: Json) -> Answer:
    return 200, {"keyString": f"AIza-{names['key']}"}


def _domains(cloud: Cloud, names: Json, _query: Json, _body: Json) -> Answer:
    site = f"projects/{names['project']}/sites/{names['project']}"
    named = [{"name": f"{site}/customDomains/{domain}"} for domain in cloud.domains]
    return 200, {"customDomains": named} if named else {}


def _add_site(cloud: Cloud, _names: Json, query: Json, _body: Json) -> Answer:
    if cloud.hosted:
        return refusal(409, "ALREADY_EXISTS", "site exists")
    return 200, {"name": f"projects/{PROJECT}/sites/{query['siteId'][0]}"}


_P = r"projects/(?P<project>[^/:]+)"
_METHODS: list[tuple[str, _Method]] = [
    (rf"GET /cloudresourcemanager/v3/{_P}", _project),
    (rf"POST /cloudresourcemanager/v3/{_P}:testIamPermissions", _permissions),
    (rf"GET /cloudbilling/v1/{_P}/billingInfo", _billing),
    (rf"GET /serviceusage/v1/{_P}/services:batchGet", _services),
    (rf"POST /serviceusage/v1/{_P}/services:batchEnable", _enable),
    (r"GET /(serviceusage|firebase)/v1(beta1)?/operations/(?P<operation>\w+)", _operation),
    (rf"GET /firestore/v1/{_P}/databases/(?P<database>[^/]+)", _database),
    (rf"GET /cloudfunctions/v2/{_P}/locations/(?P<region>[^/]+)/functions", _functions),
    (rf"GET /cloudscheduler/v1/{_P}/locations/[^/]+/jobs/tachograph-tick", _job),
    (rf"GET /firebaserules/v1/{_P}/releases/cloud.firestore", _rules),
    (r"GET /firebasehosting/v1beta1/sites/[^/]+/channels/live/releases", _releases),
    (rf"POST /firebase/v1beta1/{_P}:addFirebase", _add_firebase),
    (rf"POST /identitytoolkit/v2/{_P}/identityPlatform:initializeAuth", _sign_in),
    (rf"GET /firebase/v1beta1/{_P}/webApps", _apps),
    (rf"POST /firebase/v1beta1/{_P}/webApps", _add_app),
    (rf"PATCH /firebase/v1beta1/{_P}/webApps/(?P<app>[^/]+)", _change_app),
    (rf"POST /firebasehosting/v1beta1/{_P}/sites", _add_site),
    (rf"GET /firebasehosting/v1beta1/{_P}/sites/[^/]+/customDomains", _domains),
    (rf"GET /apikeys/v2/{_P}/locations/global/keys/(?P<key>[\w-]+)", _key),
    (rf"POST /apikeys/v2/{_P}/locations/global/keys", _add_key),
    (rf"PATCH /apikeys/v2/{_P}/locations/global/keys/(?P<key>[\w-]+)", _change_key),
    (rf"GET /apikeys/v2/{_P}/locations/global/keys/(?P<key>[\w-]+)/keyString", _key_string),
]
