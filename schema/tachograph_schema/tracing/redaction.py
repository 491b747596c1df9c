"""Pure: what of a content may leave the process: nothing, or the beginning without secrets."""

from __future__ import annotations

import re
from typing import Final

# Contents are anybody's, so each pattern takes time in proportion to the text: what it repeats
# begins where it cannot have begun before, or needs nothing behind it. A test holds that.
_WINDOW = 16
"""How many times the preview is searched: what is taken out makes room for what follows."""
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, Stripe
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\bAIza[0-9A-Za-z_-]{30,}"  # Google
    r"|\bgh[pousr]_[0-9A-Za-z]{20,}|\bgithub_pat_[0-9A-Za-z_]{20,}"
    r"|\bglpat-[0-9A-Za-z_-]{16,}|\bxox[a-z]-[0-9A-Za-z-]{10,}|\bhf_[0-9A-Za-z]{20,}",
    re.DOTALL,
)
_TOKEN: Final = re.compile(
    r"\b(?-i:eyJ)[\w-]{8,}(?:\.[\w-]*){0,2}"  # a JWT
    r"|\bya29\.[\w.-]{16,}"  # Google's OAuth
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    r"""(["']?\b\w*(?:password|passwd|secret|token|api[-_]?key|access[-_]?key)["']?\s*[:=]\s*)"""
    r"""("[^"\n]*"?|'[^'\n]*'?|[^\s,;&}\]]+)""",
    re.IGNORECASE,
)
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CARD: Final = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_TEN = 10


def preview(text: str, chars: int) -> str:
    """Return the beginning of a content, at most `chars` long, without what is secret.

    Secrets are taken out before it is cut, so that no half of one stays.
    """
    window = text[: chars * _WINDOW]
    clean = redacted(window)
    return clean if len(clean) <= chars else clean[: chars - 1] + "…"


def redacted(text: str) -> str:
    """Return a text with `[key]`, `[token]`, `[secret]`, `[email]` and `[card]` for what is one."""
    text = _KEY.sub("[key]", text)
    text = _TOKEN.sub("[token]", text)
    text = _NAMED.sub(r"\1[secret]", text)
    text = _EMAIL.sub("[email]", text)
    return _CARD.sub(lambda match: "[card]" if _is_card(match[0]) else match[0], text)


def _is_card(digits: str) -> bool:
    """Tell whether the check digit is right (Luhn): not every long number is a card."""
    numbers = [int(digit) for digit in reversed(digits) if digit.isdigit()]
    doubled = [sum(divmod(2 * number, _TEN)) for number in numbers[1::2]]
    return (sum(numbers[::2]) + sum(doubled)) % _TEN == 0
