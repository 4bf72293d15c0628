"""Reads YAML into plain values and remembers where each stood.

Only what rules need is allowed: one document, no anchors, no tags, no merge keys. Scalars follow
YAML 1.2 (`yes` and `00:11:22` are text, not a boolean and a number), but digits after a leading zero
are text as well, as serial numbers are. Size, depth and the number of
values are bounded before anything is built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from rules.language.problems import Problem, RuleError

MOST_BYTES = 256 * 1024
MOST_DEPTH = 24
MOST_VALUES = 20_000

Trail: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of the document to a value."""
Place: TypeAlias = tuple[int, int]
"""Line and column, counted from 1."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_REAL = re.compile(r"[-+]?((0|[1-9][0-9]{0,17})(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][-+]?[0-9]{1,3})?")


@dataclass(slots=True)
class Source:
    """A document: its plain value, and for each trail the place of the value and of its key."""

    path: Path
    text: str
    value: Any = None
    places: dict[Trail, Place] = field(default_factory=dict)
    keys: dict[Trail, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, trail: Trail, at_key: bool = False) -> Place:
        """Where the value (or its key) stands; of the nearest thing around it, if it is missing."""
        while trail:
            found = self.keys.get(trail) if at_key else None
            found = found or self.places.get(trail) or self.keys.get(trail)
            if found:
                return found
            trail = trail[:-1]
        return self.places.get((), (1, 1))

    def complain(self, trail: Trail, text: str, at_key: bool = False) -> None:
        """Add a problem at this trail."""
        self.problems.append(Problem(self.path, *self.place(trail, at_key), text))


def read_source(
    text: str,
    path: Path,
    what: str = "a rule is a YAML map with title, id, …",
    most_bytes: int = MOST_BYTES,
    most_values: int = MOST_VALUES,
) -> Source:
    """The only document of `text`. Raises RuleError where it is not acceptable YAML.

    `what` is said of an empty file.
    """
    if len(text) > most_bytes:
        raise RuleError(
            [Problem(path, 0, 0, f"file is larger than {most_bytes // 1024} KiB, which is too much")]
        )
    try:
        _check_events(text, path, most_values)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        what = " ".join(filter(None, (error.context, error.problem)))
        hint = ""
        if "\t" in text:
            hint = "; indent with blanks, tabs are not allowed"
        elif "mapping values are not allowed" in what or "expected <block end>" in what:
            hint = "; check the indentation, and put quotes around text that holds a colon"
        elif "alias" in what or "anchor" in what:
            hint = "; put quotes around text that begins with * or &"
        raise RuleError([Problem(path, line, column, f"not valid YAML: {what}{hint}")]) from None
    except yaml.YAMLError as error:
        raise RuleError([Problem(path, 0, 0, f"not valid YAML: {error}")]) from None
    source = Source(path, text)
    if node is None:
        raise RuleError([Problem(path, 1, 1, f"the file is empty; {what}")])
    source.value = _value(node, (), source)
    return source


def _check_events(text: str, path: Path, most_values: int) -> None:
    depth = count = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        complaint = ""
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                complaint = "a second document begins here; a file holds one"
        elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            complaint = "anchors and aliases are not allowed; write the value out, or put it in quotes"
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            count += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            if getattr(event, "tag", None) not in (None, "!") or depth > MOST_DEPTH or count > most_values:
                complaint = (
                    f"nested deeper than {MOST_DEPTH} levels"
                    if depth > MOST_DEPTH
                    else f"more than {most_values} values in one file"
                    if count > most_values
                    else f"the YAML tag {event.tag} is not allowed"  # type: ignore[attr-defined]
                )
        if complaint:
            mark = event.start_mark
            place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            raise RuleError([Problem(path, *place, complaint)])


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _value(node: yaml.Node, trail: Trail, source: Source) -> Any:
    source.places[trail] = _place(node)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*trail, place), source) for place, item in enumerate(node.value)]
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            source.problems.append(Problem(source.path, *_place(key_node), "a key must be plain text"))
            continue
        key = key_node.value
        below = (*trail, key)
        if key in result:
            first = source.keys[below][0]
            text = f"the key {key!r} stands here a second time (first in line {first}); only one can count"
            source.problems.append(Problem(source.path, *_place(key_node), text))
            continue
        source.keys[below] = _place(key_node)
        result[key] = _value(value_node, below, source)
    return result


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text.startswith("0") else int(text)
    if _REAL.fullmatch(text):
        return float(text)
    return text
