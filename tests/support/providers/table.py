"""Print what is read and priced of every provider's recorded responses.

python tests/support/providers/table.py ../shared [--each]
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from support.providers.rows import Recorded, bodies, cost_of, rows
from tachograph.usage.response import Answer


def main(shared: Path, *, each: bool) -> None:
    """Print the table as Markdown, and with `each` every response that was not priced."""
    recorded = [*rows(shared), *bodies(shared)]
    groups: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for one in recorded:
        groups[one.provider, one.api].append(one)
    lines = ["| provider | api | payloads | extracted | priced | billed | the rest |"]
    lines += ["|---|---|--:|--:|--:|--:|---|"]
    totals: Counter[str] = Counter()
    for (provider, api), members in sorted(groups.items()):
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for one in members:
            answer = one.read()
            reason = _reason(one, answer, counts)
            if reason:
                reasons[reason] += 1
            if each and reason:
                sys.stdout.write(f"{provider} {api} {one.name}: {reason}: {answer}\n")
        totals += counts
        rest = "; ".join(f"{n} {words}" for words, n in reasons.most_common())
        lines.append(_line(provider, api, counts, rest))
    lines.append(_line("**all**", "", totals, ""))
    sys.stdout.write("\n".join(lines) + "\n")


def _reason(one: Recorded, answer: Answer, counts: Counter[str]) -> str | None:
    """Count one response, and say why it was not priced, or what was mended."""
    counts["payloads"] += 1
    counts["extracted"] += answer.readable
    cost = cost_of(answer, one.at)
    counts["priced"] += cost is not None
    counts["billed"] += answer.cost_nanousd is not None
    if cost is None and answer.readable:
        tier = f" at tier {answer.terms.tier}" if answer.terms.tier else ""
        return f"no price for {answer.model or 'a model that nobody names'}{tier}"
    if cost is None:
        if isinstance(one.body, list) and not answer.raw:
            return "recording cut before its usage"
        return f"unread: {answer.why}"
    return f"mended: {re.sub(r'[0-9]+', 'n', answer.why)}" if answer.why else None


def _line(provider: str, api: str, counts: Counter[str], rest: str) -> str:
    numbers = (counts[name] for name in ("payloads", "extracted", "priced", "billed"))
    return f"| {provider} | {api} | " + " | ".join(map(str, numbers)) + f" | {rest} |"


if __name__ == "__main__":
    main(Path(sys.argv[1]), each="--each" in sys.argv)
