"""The API keys of a deployment work for what they are used for, and for nothing else."""

from __future__ import annotations

from support.fakes.google_apis import PROJECT, Cloud
from tachograph_cli.deploy import api_keys, hosting
from tachograph_cli.deploy.google import Google, Json

OWN = [f"https://{PROJECT}.firebaseapp.com/*", f"https://{PROJECT}.web.app/*"]
SIGN_IN = ["identitytoolkit.googleapis.com", "securetoken.googleapis.com"]


def _prepared(cloud: Cloud) -> list[str]:
    return list(hosting.prepare(Google(PROJECT, cloud.address), PROJECT))


def _apis(key: Json) -> list[str]:
    return [target["service"] for target in key["restrictions"]["apiTargets"]]


def test_key_of_the_dashboard_works_from_its_own_addresses_alone(cloud: Cloud) -> None:
    _prepared(cloud)
    key = cloud.keys[api_keys.DASHBOARD]
    assert key["restrictions"]["browserKeyRestrictions"] == {"allowedReferrers": OWN}
    assert _apis(key) == [*SIGN_IN, "firestore.googleapis.com"]


def test_key_of_agents_which_have_no_address_only_signs_in(cloud: Cloud) -> None:
    lines = _prepared(cloud)
    key = cloud.keys[api_keys.AGENTS]
    assert _apis(key) == SIGN_IN
    assert "browserKeyRestrictions" not in key["restrictions"]
    assert any("export TACHOGRAPH_API_KEY=AIza-tachograph-agents" in line for line in lines)


def test_domain_of_ones_own_is_allowed_and_what_the_owner_allowed_stays(cloud: Cloud) -> None:
    _prepared(cloud)
    restrictions = cloud.keys[api_keys.DASHBOARD]["restrictions"]
    restrictions["browserKeyRestrictions"]["allowedReferrers"].append("https://mine.example/*")
    cloud.domains.append("dash.example.com")
    assert "API key of the dashboard: restricted" in _prepared(cloud)
    allowed = cloud.keys[api_keys.DASHBOARD]["restrictions"]["browserKeyRestrictions"]
    assert set(allowed["allowedReferrers"]) == {
        *OWN, "https://dash.example.com/*", "https://mine.example/*",
    }  # fmt: skip
    assert "API key of the dashboard: is there" in _prepared(cloud)


def test_key_without_restrictions_is_restricted(cloud: Cloud) -> None:
    _prepared(cloud)
    for key in cloud.keys.values():
        del key["restrictions"]
    _prepared(cloud)
    assert all(_apis(key)[:2] == SIGN_IN for key in cloud.keys.values())


def test_app_of_an_earlier_deployment_moves_to_the_restricted_key(cloud: Cloud) -> None:
    cloud.apps = [{"displayName": hosting.APP, "appId": "1:2:web:9", "apiKeyId": "automatic"}]
    assert "web app: uses that key now" in _prepared(cloud)
    assert cloud.apps[0]["apiKeyId"] == "uid-tachograph-dashboard"


def test_app_of_somebody_else_keeps_its_key(cloud: Cloud) -> None:
    cloud.apps = [{"displayName": "Shop", "appId": "1:2:web:9", "apiKeyId": "automatic"}]
    assert "web app: is there" in _prepared(cloud)
    assert cloud.apps[0]["apiKeyId"] == "automatic"
