"""The database of the page in the cloud, seen at an address without an emulator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tachograph.firestore.emulator_identity import viewer_token

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tachograph_cli.local.stack import Stack

CLOUD = re.compile(r"https://firestore\.googleapis\.com/")
SIGN_IN = re.compile(r"https://identitytoolkit\.googleapis\.com/")
DEFAULT = 'name="firestore-database" content="(default)"'


@pytest.mark.parametrize("database", ["(default)", "fleets"])
def test_page_listens_to_the_database_that_the_deployment_named(
    database: str, hosted: Stack, page: Page, fleet_name: str
) -> None:
    def named(route: Route) -> None:
        answer = route.fetch()
        assert DEFAULT in answer.text()
        text = answer.text().replace(DEFAULT, DEFAULT.replace("(default)", database))
        route.fulfill(response=answer, body=text)

    def sign_in(route: Route) -> None:
        at = urlsplit(route.request.url)
        emulator = f"http://{hosted.address('auth')}/{at.netloc}{at.path}?{at.query}"
        route.fulfill(response=route.fetch(url=emulator))

    page.route("**/?fleet=*", named)
    page.route("**/__/firebase/init.js?*", lambda route: route.fulfill(body=""))  # no emulators
    page.route(SIGN_IN, sign_in)
    page.route(CLOUD, lambda route: route.abort())
    token = viewer_token(fleet_name, project=hosted.project)
    with page.expect_request(CLOUD) as asked:
        page.goto(f"{hosted.dashboard_url}/?fleet={fleet_name}#token={token}")
    [said] = parse_qs(urlsplit(asked.value.url).query)["database"]
    assert said == f"projects/{hosted.project}/databases/{database}"
