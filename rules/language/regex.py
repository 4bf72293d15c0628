"""Regular expressions that cannot be made to run for ever.

Python's `re` backtracks, and the texts it is run on come from the network. So an expression is
refused unless the number of ways it can be tried on a text of LONGEST_TEXT characters is bounded:
that number is estimated from the parsed expression, a repetition counting as often as it can
repeat, a choice as the sum of its branches. The engine cuts texts at LONGEST_TEXT.
"""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

LONGEST_EXPRESSION = 256
LONGEST_TEXT = 256
MOST_WAYS = 1 << 25
"""Two unbounded repetitions, searched for anywhere in the text, are 2^24 ways."""

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
_ATOMIC = (_constants.POSSESSIVE_REPEAT, _constants.ATOMIC_GROUP)
_LOOK = (_constants.ASSERT, _constants.ASSERT_NOT)


class UnsafeExpression(ValueError):
    """The expression is not valid, or could take for ever; the text says which and what to do."""


def compiled(expression: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """The compiled expression. Raises UnsafeExpression."""
    if len(expression) > LONGEST_EXPRESSION:
        raise UnsafeExpression(
            f"the expression has {len(expression)} characters, at most {LONGEST_EXPRESSION} are allowed; "
            "write several shorter ones as a list"
        )
    try:
        tree = _parser.parse(expression, flags)
        pattern = re.compile(expression, flags)
    except (re.error, OverflowError, RecursionError) as error:
        place = getattr(error, "pos", None)
        where = f" at character {place + 1}" if place is not None else ""
        raise UnsafeExpression(
            f"not a valid regular expression: {getattr(error, 'msg', error)}{where}"
        ) from None
    ways = _ways(tree)
    anchored = bool(tree) and tree[0][0] is _constants.AT and not flags & re.MULTILINE
    if ways * (1 if anchored else LONGEST_TEXT) > MOST_WAYS:
        raise UnsafeExpression(
            "the expression could take very long on hostile text; use at most two of * and +, "
            "write {1,4} where a length is known, or begin with ^"
        )
    if pattern.search("") is not None:
        raise UnsafeExpression("the expression is found in every text, even in an empty one")
    return pattern


def _ways(tree: Any) -> int:
    """An upper estimate of the ways to try this sequence at one place, capped beyond MOST_WAYS."""
    total = 1
    for kind, argument in tree:
        if kind in _REPEATS or kind is _constants.POSSESSIVE_REPEAT:
            total *= _repeat(*argument)
        elif kind is _constants.BRANCH:
            total *= sum(_ways(branch) for branch in argument[1])
        elif kind is _constants.SUBPATTERN:
            total *= _ways(argument[3])
        elif kind is _constants.ATOMIC_GROUP:
            total *= _ways(argument)
        elif kind in _LOOK:
            total *= _ways(argument[1])
        elif kind in (_constants.GROUPREF, _constants.GROUPREF_EXISTS):
            raise UnsafeExpression("references to groups (\\1, (?P=name)) are not supported")
        if total > MOST_WAYS:
            return MOST_WAYS + 1
    return total


def _repeat(least: Any, most: Any, body: Any) -> int:
    inside = _ways(body)
    often = min(int(most), LONGEST_TEXT)
    if inside > 1 and often > 1:
        if often > 8:
            raise UnsafeExpression(
                "a repetition inside a repetition, such as (a+)+ or (a|b?)*, could take for ever on "
                "hostile text; write it without the inner one, or bound the outer one, as in {1,4}"
            )
        inside = min(inside**often, MOST_WAYS + 1)
    return inside * (max(often - int(least), 0) + 1)
