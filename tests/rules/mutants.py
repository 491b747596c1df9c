"""The rules with one condition removed, for each of their conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_FUNCTION = re.compile(r"function (\w+)\([^)]*\) \{(.*?)\n    \}", re.DOTALL)
_ALLOW = re.compile(r"allow ([\w, ]+): if (.*?);", re.DOTALL)
_MATCH = re.compile(r"match (/\S+) \{")
_RETURN = re.compile(r"return (.*?);\s*$", re.DOTALL)
_CALL = re.compile(r"(\w+)\(")
_BOOLEAN = re.compile(r"[<>=!]=|[<>]| in | is |\.(matches|hasAny|hasOnly)\(")


@dataclass(frozen=True)
class Mutant:
    """Rules that lack one condition."""

    where: str
    condition: str
    rules: str

    def __str__(self) -> str:
        return f"{self.where}: {self.condition}"

    @cached_property
    def alone(self) -> str:
        """The rules without what never meets the lacking condition: they compile in less time.

        They allow no more than `rules`.
        """
        functions = {found[1]: found for found in _FUNCTION.finditer(self.rules)}
        calls = {name: set(_CALL.findall(found[2])) for name, found in functions.items()}
        needed: set[str] = set()
        cuts: list[tuple[int, int, str]] = []
        for found in _ALLOW.finditer(self.rules):
            reached = _reached(set(_CALL.findall(found[2])), calls)
            if self.where in {_named(self.rules, found), *(f"function {name}" for name in reached)}:
                needed |= reached
            else:
                cuts.append((found.start(2), found.end(2), "false"))
        cuts += [(*found.span(), "") for name, found in functions.items() if name not in needed]
        rules = self.rules
        for start, end, instead in sorted(cuts, reverse=True):
            rules = rules[:start] + instead + rules[end:]
        return rules


def mutants(rules: str) -> Iterator[Mutant]:
    """Yield the rules without each conjunct, and without each condition that stands alone."""
    bare = _without_comments(rules)
    for found in _FUNCTION.finditer(bare):
        body = _RETURN.search(found[2])
        assert body is not None, found[1]
        start = found.start(2) + body.start(1)
        yield from _mutants(bare, f"function {found[1]}", start, body[1])
    for found in _ALLOW.finditer(bare):
        yield from _mutants(bare, _named(bare, found), found.start(2), found[2])


def _named(rules: str, allow: re.Match[str]) -> str:
    path = [match[1] for match in _MATCH.finditer(rules, 0, allow.start())][-1]
    return f"allow {allow[1]} {path}"


def _reached(names: set[str], calls: dict[str, set[str]]) -> set[str]:
    """Return the functions that some functions call, directly or not, and these functions."""
    reached: set[str] = set()
    while names := (names & calls.keys()) - reached:
        reached |= names
        names = {called for name in names for called in calls[name]}
    return reached


def _mutants(rules: str, where: str, start: int, expression: str) -> Iterator[Mutant]:
    conditions = list(_conditions(expression))
    alone = where.startswith("allow") or _BOOLEAN.search(expression)
    if not conditions and alone and not expression.startswith("["):
        conditions = [(0, len(expression))]
    for begin, end in conditions:
        changed = rules[: start + begin] + "true" + rules[start + end :]
        words = " ".join(expression[begin:end].split())
        yield Mutant(where, words, changed)


def _conditions(expression: str, offset: int = 0) -> Iterator[tuple[int, int]]:
    """Yield where each conjunct begins and ends, those within parentheses too."""
    for begin, end in _split(expression, "||"):
        parts = list(_split(expression[begin:end], "&&"))
        for first, last in parts:
            text = expression[begin + first : begin + last]
            left = len(text) - len(text.lstrip())
            right = len(text.rstrip())
            at = offset + begin + first + left
            if len(parts) > 1:
                yield at, at + right - left
            stripped = text.strip()
            if stripped.startswith("(") and _closes(stripped) == len(stripped) - 1:
                yield from _conditions(stripped[1:-1], at + 1)


def _split(expression: str, operator: str) -> Iterator[tuple[int, int]]:
    """Yield where the operands of an operator are, outside of parentheses and text."""
    depth, begin, quoted, place = 0, 0, False, 0
    while place < len(expression):
        char = expression[place]
        if char == "\\":
            place += 2
            continue
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "([{":
            depth += 1
        elif not quoted and char in ")]}":
            depth -= 1
        elif not quoted and not depth and expression.startswith(operator, place):
            yield begin, place
            begin = place = place + len(operator)
            continue
        place += 1
    yield begin, len(expression)


def _closes(text: str) -> int:
    """Return where the parenthesis that a text begins with is closed."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth:
            return place
    return -1


def _without_comments(rules: str) -> str:
    return "\n".join(line for line in rules.splitlines() if not line.strip().startswith("//"))
