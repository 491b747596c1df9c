"""Whether a regular expression takes time in proportion to its text, told from its structure.

A backtracking matcher is slow in three ways: a repetition inside a repetition that can divide the
same text in many ways, two repetitions in a row that can, and, where a pattern is searched for, a
repetition that is scanned to its end from each place of a run, to fail there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from re import _constants as ops  # type: ignore[attr-defined]  # CPython's own
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_ALPHABET = frozenset([*range(0x180), 0x2028, 0x4E00])
_WORD = frozenset(code for code in _ALPHABET if chr(code).isalnum() or chr(code) == "_")
_DIGIT = frozenset(code for code in _ALPHABET if chr(code).isdigit())
_SPACE = frozenset(code for code in _ALPHABET if chr(code).isspace())
_CATEGORIES = {
    ops.CATEGORY_WORD: _WORD,
    ops.CATEGORY_NOT_WORD: _ALPHABET - _WORD,
    ops.CATEGORY_DIGIT: _DIGIT,
    ops.CATEGORY_NOT_DIGIT: _ALPHABET - _DIGIT,
    ops.CATEGORY_SPACE: _SPACE,
    ops.CATEGORY_NOT_SPACE: _ALPHABET - _SPACE,
}
_BOUNDED = 100
"""Up to so many repetitions cost a constant."""
_SEARCHES = ("search", "sub", "subn", "split", "findall", "finditer")
_ANCHORED = ("fullmatch", "match")
Chars = frozenset[int]


@dataclass(frozen=True)
class Part:
    """One step through a pattern."""

    kind: str
    """`chars`, `repeat` without a bound, `atomic` without one, `start`, `word start` or `check`."""
    chars: Chars = frozenset()
    first: Chars = frozenset()
    needed: bool = True


@dataclass(frozen=True)
class Pattern:
    """A pattern in a module, and whether it is searched for."""

    where: str
    text: str
    flags: int
    searched: bool


def slow(text: str, flags: int = 0, *, searched: bool = True) -> list[str]:
    """Return why a pattern can take more time than in proportion to its text; [] if it cannot."""
    reasons: list[str] = []
    for way in _ways(parser.parse(text, flags), flags, reasons):
        whole = way if searched else [Part("start"), *way, Part("check")]
        reasons += _reasons(whole)
    return list(dict.fromkeys(reasons))


def _reasons(way: Sequence[Part]) -> Iterator[str]:
    repeats = [n for n, part in enumerate(way) if part.kind in ("repeat", "atomic")]
    for n in repeats:
        if not any(part.needed for part in way[n + 1 :]):
            continue  # what needs nothing behind it never has to try again
        if not _guarded(way[:n], way[n].chars):
            yield "a search scans a repetition from each place of a run"
        for m in repeats:
            if m < n and way[m].kind == "repeat" and not _apart(way[m], way[m + 1 : n], way[n]):
                yield "two repetitions divide the same text in many ways"


def _guarded(before: Sequence[Part], chars: Chars) -> bool:
    """Whether a run of these characters is scanned once, from its start."""
    for part in reversed(before):
        if part.kind == "start":
            return True
        if part.kind == "word start" and chars <= part.chars:
            return True
        if part.kind == "chars" and part.needed and not part.chars & chars:
            return True
    return False


def _apart(one: Part, between: Sequence[Part], other: Part) -> bool:
    if not one.chars & other.chars or not one.chars & other.first:
        return True
    separators = [part.chars for part in between if part.kind == "chars" and part.needed]
    return any(not (chars & one.chars and chars & other.chars) for chars in separators)


def _ways(sequence: Any, flags: int, reasons: list[str]) -> list[list[Part]]:  # noqa: ANN401
    """Return the ways through a pattern: one for each combination of its alternatives."""
    steps = [_step(op, value, flags, reasons) for op, value in sequence]
    return [[part for parts in way for part in parts] for way in product(*steps)]


def _step(op: Any, value: Any, flags: int, reasons: list[str]) -> list[list[Part]]:  # noqa: ANN401
    if op is ops.SUBPATTERN:
        _, added, dropped, body = value
        return _ways(body, (flags | added) & ~dropped, reasons)
    if op is ops.BRANCH:
        return [way for body in value[1] for way in _ways(body, flags, reasons)]
    return [[_part(op, value, flags, reasons)]]


def _part(op: Any, value: Any, flags: int, reasons: list[str]) -> Part:  # noqa: ANN401
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        least, most, body = value
        return _repeat(op, least, most, body, flags, reasons)
    if op is ops.AT and value in (ops.AT_BEGINNING, ops.AT_BEGINNING_STRING):
        return Part("start", needed=False)
    if op is ops.AT:
        return Part("word start" if value is ops.AT_BOUNDARY else "check", _WORD)
    if op is ops.ASSERT_NOT and value[0] < 0:
        before = (_chars(one, what, flags) for one, what in value[1])
        return Part("word start", frozenset().union(*before), needed=False)
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return Part("check")
    chars = _chars(op, value, flags)
    return Part("chars", chars, chars)


def _repeat(op: Any, least: int, most: int, body: Any, flags: int, reasons: list[str]) -> Part:  # noqa: ANN401
    ways = _ways(body, flags, reasons)
    inner = [part for way in ways for part in way if part.kind in ("repeat", "atomic")]
    parts = [part for way in ways for part in way]
    chars = frozenset().union(*(part.chars for part in parts if part.kind in _CONSUMES))
    first = frozenset().union(*(_first(way) for way in ways))
    if most <= _BOUNDED and not inner:
        return Part("chars", chars, first, needed=least > 0)
    if most > _BOUNDED and any(part.kind == "repeat" and part.chars & first for part in inner):
        reasons.append("a repetition inside a repetition divides the same text in many ways")
    kind = "atomic" if op is ops.POSSESSIVE_REPEAT else "repeat"
    return Part(kind, chars, first, needed=least > 0)


_CONSUMES = ("chars", "repeat", "atomic")


def _first(way: Sequence[Part]) -> Chars:
    chars: Chars = frozenset()
    for part in way:
        if part.kind in _CONSUMES:
            chars |= part.first
            if part.needed:
                break
    return chars


def _chars(op: Any, value: Any, flags: int) -> Chars:  # noqa: ANN401
    if op is ops.ANY:
        found = _ALPHABET if flags & re.DOTALL else _ALPHABET - {ord("\n")}
    elif op is ops.LITERAL:
        found = frozenset([value])
    elif op is ops.NOT_LITERAL:
        return _ALPHABET - _either_case(frozenset([value]), flags)
    elif op is ops.RANGE:
        found = frozenset(range(value[0], min(value[1], max(_ALPHABET)) + 1)) & _ALPHABET
    elif op is ops.CATEGORY:
        found = _CATEGORIES[value]
    elif op is ops.IN:
        negated = value[0][0] is ops.NEGATE
        some = [_chars(one, what, flags) for one, what in value if one is not ops.NEGATE]
        found = frozenset().union(*some)
        return _ALPHABET - found if negated else found
    else:
        raise AssertionError(f"{op} is not known here; teach it to this module")
    return _either_case(found, flags)


def _either_case(chars: Chars, flags: int) -> Chars:
    if not flags & re.IGNORECASE:
        return chars
    both = {case for code in chars for case in (chr(code).lower(), chr(code).upper())}
    return chars | {ord(case) for case in both if len(case) == 1} & _ALPHABET


def patterns_in(path: Path, where: str) -> Iterator[Pattern]:
    """Yield the patterns that a module hands to `re`, as far as they are written in it."""
    tree = ast.parse(path.read_text())
    used = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    names = {
        id(node.value): ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
            continue
        text = _text(node.args[0])
        if text is None or node.func.attr == "escape":
            continue
        name = names.get(id(node))
        calls = [node.func.attr, *(attribute for owner, attribute in used if owner == name)]
        anchored = any(call in _ANCHORED for call in calls)
        searched = any(call in _SEARCHES for call in calls) or not anchored
        yield Pattern(f"{where}:{node.lineno}", text, _flags(node), searched)


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
        return "".join(str(part) for part in parts)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _flags(call: ast.Call) -> int:
    given = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    words = " ".join(ast.unparse(node) for node in given)
    return sum(
        getattr(re, flag) for flag in ("DOTALL", "IGNORECASE", "MULTILINE") if f"re.{flag}" in words
    )
