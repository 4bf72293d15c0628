"""The condition: and, or, not, parentheses, `1 of x*`, `all of x*`, `1 of them`, `all of them`.

Sigma specification 2.0, "Condition". `not` binds strongest, then `and`, then `or`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from rules.expression import Expression, Not, both, either
from rules.language.problems import suggestion

_TOKEN = re.compile(r"\s*(?:([()])|([^\s()|]+)|(\|))")
_KEYWORDS = ("and", "or", "not", "of", "them")
MOST_TOKENS = 500
MOST_DEPTH = 20


class ConditionError(ValueError):
    """The condition cannot be understood; the text says why, `offset` where (characters)."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


class _Parser:
    def __init__(self, text: str, identifiers: Mapping[str, Expression]) -> None:
        self.identifiers = identifiers
        self.used: set[str] = set()
        self.tokens: list[tuple[str, int]] = []
        self.at = 0
        self.depth = 0
        self.end = len(text)
        for match in _TOKEN.finditer(text):
            offset = match.end() - len(match.group().lstrip())
            if match.group(3):
                raise ConditionError(
                    "aggregations after a pipe (| count() …) are the old Sigma syntax and not supported",
                    offset,
                )
            self.tokens.append((match.group().strip(), offset))
            if len(self.tokens) > MOST_TOKENS:
                raise ConditionError(f"the condition has more than {MOST_TOKENS} words", offset)

    def word(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def keyword(self) -> str:
        return self.word().lower()

    def offset(self) -> int:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else self.end

    def fail(self, text: str) -> ConditionError:
        return ConditionError(text, self.offset())

    def whole(self) -> Expression:
        expression = self.disjunction()
        if self.at < len(self.tokens):
            if self.word() == ")":
                raise self.fail("there is a ) without a (")
            raise self.fail(f"'and' or 'or' is missing before {self.word()!r}")
        return expression

    def disjunction(self) -> Expression:
        parts = [self.conjunction()]
        while self.keyword() == "or":
            self.at += 1
            parts.append(self.conjunction())
        return either(*parts) if len(parts) > 1 else parts[0]

    def conjunction(self) -> Expression:
        parts = [self.negation()]
        while self.keyword() == "and":
            self.at += 1
            parts.append(self.negation())
        return both(*parts) if len(parts) > 1 else parts[0]

    def negation(self) -> Expression:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.fail(f"nested deeper than {MOST_DEPTH} levels")
        if self.keyword() == "not":
            self.at += 1
            expression: Expression = Not(self.negation())
        elif self.word() == "(":
            opening = self.offset()
            self.at += 1
            expression = self.disjunction()
            if self.word() != ")":
                raise ConditionError("this ( is never closed", opening)
            self.at += 1
        else:
            expression = self.operand()
        self.depth -= 1
        return expression

    def operand(self) -> Expression:
        word = self.word()
        following = self.tokens[self.at + 1][0].lower() if self.at + 1 < len(self.tokens) else ""
        if following == "of":
            return self.quantified()
        if not word:
            raise self.fail("the condition ends where a search identifier is expected")
        if word == ")" or (word.lower() in _KEYWORDS and word not in self.identifiers):
            raise self.fail(f"a search identifier is expected here, not {word!r}")
        if word not in self.identifiers:
            if "*" in word:
                raise self.fail(f"write '1 of {word}' or 'all of {word}'")
            near = suggestion(word, self.identifiers)
            raise self.fail(f"the detection has no search identifier {word!r}{near}")
        self.used.add(word)
        self.at += 1
        return self.identifiers[word]

    def quantified(self) -> Expression:
        how = self.keyword()
        if how not in ("1", "any", "all"):
            raise self.fail(f"'{self.word()} of' is not supported; write '1 of' or 'all of'")
        self.at += 2
        pattern = self.word()
        if not pattern or pattern in ("(", ")"):
            raise self.fail("after 'of' a pattern such as selection_* or 'them' is expected")
        # Sigma: identifiers that begin with an underscore do not belong to `them`.
        chosen = [
            name
            for name in self.identifiers
            if (not name.startswith("_") if pattern.lower() == "them" else fnmatchcase(name, pattern))
        ]
        if not chosen:
            known = ", ".join(self.identifiers)
            raise self.fail(f"no search identifier fits {pattern!r}; there are {known}")
        self.at += 1
        self.used.update(chosen)
        parts = [self.identifiers[name] for name in chosen]
        return both(*parts) if how == "all" else either(*parts)


def parse_condition(text: str, identifiers: Mapping[str, Expression]) -> tuple[Expression, set[str]]:
    """The expression that `text` stands for, and which identifiers it uses. Raises ConditionError."""
    parser = _Parser(text, identifiers)
    return parser.whole(), parser.used
