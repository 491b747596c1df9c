"""Previews of content: its beginning leaves the process, and no secret of it does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.tracing.redaction import preview, redacted

_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
_PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
_SECRETS = [
    ("ada.lovelace+news@example.co.uk", "[email]"),
    ("sk-ant-api03-" + "a1B2" * 8, "[key]"),
    ("sk_live_" + "4eC39HqLyjWDarjtT1", "[key]"),
    ("AKIA" + "IOSFODNN7EXAMPLE", "[key]"),
    ("AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "[key]"),
    ("ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a", "[key]"),
    ("xoxb-" + "123456789012-abcdefABCDEF", "[key]"),
    (_PEM, "[key]"),
    (_JWT, "[token]"),
    ("ya29." + "a0AfH6SMBx-1234567890", "[token]"),
    ("Bearer " + "mF_9.B5f-4.1JqM", "[token]"),
    ("4111 1111 1111 1111", "[card]"),
    ("5500-0000-0000-0004", "[card]"),
    ("378282246310005", "[card]"),
]


@pytest.mark.parametrize(("secret", "shown"), _SECRETS)
def test_secret_is_taken_out_wherever_it_stands(secret: str, shown: str) -> None:
    for text in (secret, f"before {secret} after", f"({secret})", f"line\n{secret}\nline"):
        clean = redacted(text)
        assert shown in clean
        assert secret not in clean


@pytest.mark.parametrize(
    "text",
    [
        'password: "hunter2 and more"',
        "api_key=abcdef",
        "{'client_secret': 's3cr3t'}",
        'ACCESS-KEY = "x y z"',
        '"auth_token":"abc"',
    ],
)
def test_value_that_is_called_a_secret_is_taken_out_and_its_name_stays(text: str) -> None:
    clean = redacted(text)
    assert "[secret]" in clean
    for value in ("hunter2", "abcdef", "s3cr3t", "x y z", '"abc"'):
        assert value not in clean


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112 of 2026-11-20",  # the check digit is wrong
        "3.14159265358979323846",
        "tokens_in is 50000, tokens_out 10000",
        "def skip(task): return task",
        "commit 8ca77fe on main",
        "at 10:42, see docs/fields.md",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_secret_across_the_cut_does_not_stay_by_half() -> None:
    text = "x" * 190 + " sk-ant-api03-" + "a1B2" * 8
    assert preview(text, 200) == "x" * 190 + " [key]"


def test_private_key_without_an_end_is_taken_out_to_the_end() -> None:
    assert redacted("-----BEGIN PRIVATE KEY-----\nMIIEow" + "A" * 500) == "[key]"


@given(st.text(max_size=3_000), st.sampled_from([200, 500, 1000]))
def test_preview_is_never_longer_than_it_may_be(text: str, chars: int) -> None:
    assert len(preview(text, chars)) <= chars
