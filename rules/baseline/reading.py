"""Reads a baseline file back; what it cannot read it names with file, line and column."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import yaml

from rules.baseline.document import NO_FUNCTION, VERSION, spaces_by_name
from rules.baseline.learning import MOST_ASSETS, MOST_CONVERSATIONS, MOST_RANGES, MOST_WITHHELD
from rules.baseline.model import (
    TRANSPORTS,
    Baseline,
    Conversation,
    Function,
    Learned,
    Objects,
    Operations,
    Place,
    Withheld,
)
from rules.baseline.ranges import from_text
from rules.documents import nanoseconds
from rules.language.problems import suggestion
from sensor.messages import NO_CODE, Operation
from sensor.protocols.protocol import NAMES
from sensor.protocols.registry import PROTOCOLS
from sensor.strings import LONGEST

MOST_OCTETS = 64 << 20

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROTOCOLS = {name: number for number, name in NAMES.items()}
_TRANSPORTS = {name: number for number, name in TRANSPORTS.items()}
_OPERATIONS = {operation.name.lower(): int(operation) for operation in Operation}
_FUNCTION = re.compile(r"(-1|\d{1,10})(?:/(\d{1,10}))?(?: .*)?", re.DOTALL)
_SPACE = re.compile(r"(?:[^/]*/)?(\d{1,9})")
_INTEGER = re.compile(r"-?\d{1,19}")
_MOST_CODE = (1 << 31) - 1


class BaselineError(ValueError):
    """A baseline file that cannot be used; the text says where and why."""


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises BaselineError."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_OCTETS + 1)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MOST_OCTETS:
        raise BaselineError(f"{path}: larger than {MOST_OCTETS >> 20} MiB: this is no baseline")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BaselineError(f"{path}:{line}: not UTF-8") from None
    return baseline_of_text(text, path)


def baseline_of_text(text: str, path: Path) -> Baseline:
    """The baseline in `text`; `path` names it in errors. Raises BaselineError."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise BaselineError(f"{path}{place}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        what = " ".join(str(error).split())
        raise BaselineError(f"{path}: not valid YAML: {what}") from None
    if node is None:
        raise BaselineError(f"{path}: the file is empty")
    return _Reader(path).read(node)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._visited: set[int] = set()
        self._baseline = Baseline()
        self._ranges = 0

    def _fail(self, node: yaml.Node, text: str) -> NoReturn:
        raise BaselineError(f"{self._path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: {text}")

    def _once(self, node: yaml.Node) -> None:
        # An alias leads to a node a second time; chains of them could stand for billions of values.
        if id(node) in self._visited:
            self._fail(node, "YAML aliases are not allowed")
        self._visited.add(id(node))

    def _map(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Key to (key node, value node)."""
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{what} must be a map of keys and values")
        self._once(node)
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self._text(key, f"a key of {what}")
            if name in found:
                self._fail(key, f"{name!r} stands twice in {what}")
            found[name] = key, value
        return found

    def _record(
        self, node: yaml.Node, what: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        entries = self._map(node, what)
        known = (*required, *optional)
        for name, (key, _) in entries.items():
            if name not in known:
                self._fail(key, f"{what} has no {name!r}{suggestion(name, known)}; it has {', '.join(known)}")
        for name in required:
            if name not in entries:
                self._fail(node, f"{what} lacks {name!r}")
        return {name: value for name, (_, value) in entries.items()}

    def _list(self, node: yaml.Node, what: str, most: int) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"{what} must be a list (lines that begin with a dash)")
        self._once(node)
        if len(node.value) > most:
            self._fail(node.value[most], f"{what}: more than {most} entries")
        return list(node.value)

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._fail(node, f"{what} must be plain text")
        return str(node.value)

    def _integer(self, node: yaml.Node, what: str, most: int = _MOST_CODE) -> int:
        text = self._text(node, what)
        if not _INTEGER.fullmatch(text) or not -1 <= int(text) <= most:
            self._fail(node, f"{what} must be a whole number from 0 to {most}, not {text!r}")
        return int(text)

    def _word(self, node: yaml.Node, what: str, words: dict[str, int]) -> int:
        text = self._text(node, what)
        if text not in words:
            self._fail(node, f"{text!r} is no {what} that this version knows{suggestion(text, words)}")
        return words[text]

    def _time(self, node: yaml.Node, what: str) -> int:
        text = self._text(node, what)
        try:
            return nanoseconds(text.replace("Z", "+00:00"))
        except (ValueError, OverflowError):
            self._fail(node, f"{what} must be a time such as 2026-11-22T07:39:29Z, not {text!r}")

    def read(self, node: yaml.Node) -> Baseline:
        entries = self._map(node, "a baseline")
        if "fieldwatch_baseline" not in entries:
            self._fail(node, "this is not a baseline: the line `fieldwatch_baseline: 1` is missing")
        version_node = entries["fieldwatch_baseline"][1]
        version = self._text(version_node, "the version")
        if version != str(VERSION):
            self._fail(
                version_node,
                f"baseline format {version!r} cannot be read, this Fieldwatch reads format {VERSION};"
                " learn the baseline again, or use the Fieldwatch that wrote it",
            )
        self._visited.clear()
        parts = self._record(
            node,
            "a baseline",
            ("fieldwatch_baseline", "assets", "conversations"),
            ("learned", "withheld"),
        )
        for item in self._list(parts["assets"], "assets", MOST_ASSETS):
            self._baseline.assets.add(self._text(item, "an asset"))
        for item in self._list(parts["conversations"], "conversations", MOST_CONVERSATIONS):
            self._read_conversation(item)
        if "learned" in parts:
            for item in self._list(parts["learned"], "learned", 10_000):
                self._read_note(item)
        if "withheld" in parts:
            for item in self._list(parts["withheld"], "withheld", MOST_WITHHELD):
                self._read_withheld(item)
        return self._baseline

    def _read_note(self, node: yaml.Node) -> None:
        parts = self._record(
            node, "a note of learning", ("observer", "from", "until", "behaviours", "left_out")
        )
        self._baseline.learned.append(
            Learned(
                self._text(parts["observer"], "observer"),
                self._time(parts["from"], "from"),
                self._time(parts["until"], "until"),
                self._integer(parts["behaviours"], "behaviours", 1 << 62),
                self._integer(parts["left_out"], "left_out", 1 << 62),
            )
        )

    def _conversation(self, parts: dict[str, yaml.Node]) -> Conversation:
        node = parts["service"]
        name, _, rest = self._text(node, "service").partition(" ")
        if name not in _PROTOCOLS:
            self._fail(node, f"{name!r} is no protocol that this version knows{suggestion(name, _PROTOCOLS)}")
        transport, slash, port = rest.partition("/")
        number = _TRANSPORTS.get(transport, int(transport) if re.fullmatch(r"\d{1,3}", transport) else -1)
        if not 0 <= number <= 255 or (slash and not re.fullmatch(r"dynamic|\d{1,5}", port)):
            self._fail(node, f"{rest!r} is not a transport and port, such as tcp/502 or udp/dynamic")
        value = int(port) if port.isdigit() else 0
        if value > 65535:
            self._fail(node, f"{value} is not a port")
        return Conversation(
            self._text(parts["client"], "client"),
            self._text(parts["server"], "server"),
            _PROTOCOLS[name],
            number,
            value,
        )

    def _read_conversation(self, node: yaml.Node) -> None:
        parts = self._record(node, "a conversation", ("client", "server", "service"), ("operations",))
        conversation = self._conversation(parts)
        if conversation in self._baseline.conversations:
            self._fail(node, f"the conversation {conversation} stands twice")
        operations: Operations = {}
        if "operations" in parts:
            for name, (key, value) in self._map(parts["operations"], "operations").items():
                operation = self._word(key, "operation", _OPERATIONS)
                operations[operation] = {}
                for key, objects in self._map(value, f"operation {name}").values():
                    function = self._function(key)
                    if function in operations[operation]:
                        self._fail(key, "this function stands twice")
                    operations[operation][function] = self._objects(objects, conversation.protocol)
        self._baseline.conversations[conversation] = operations

    def _function(self, node: yaml.Node) -> Function:
        text = self._text(node, "function")
        if text == NO_FUNCTION:
            return Function(NO_CODE, NO_CODE)
        match = _FUNCTION.fullmatch(text)
        if match is None or int(match[1]) > _MOST_CODE or int(match[2] or 0) > _MOST_CODE:
            self._fail(node, f"{text!r} is not a function: write its number first, as in `3 Read` or `8/1`")
        return Function(int(match[1]), int(match[2]) if match[2] else NO_CODE)

    def _objects(self, node: yaml.Node, protocol: int) -> Objects:
        known = PROTOCOLS.get(protocol)
        spaces = spaces_by_name(known) if known else {}
        objects: Objects = {}
        for item in self._list(node, "objects", MOST_RANGES):
            parts = self._record(item, "an object", (), ("unit", "space", "name", "at"))
            unit = self._integer(parts["unit"], "unit") if "unit" in parts else NO_CODE
            space = NO_CODE
            if "space" in parts:
                text = self._text(parts["space"], "space")
                number = _SPACE.fullmatch(text)
                space = int(number[1]) if number else spaces.get(text, NO_CODE)
                if space == NO_CODE:
                    hint = suggestion(text, spaces)
                    self._fail(parts["space"], f"{text!r} is no object space of this protocol{hint}")
            name = self._text(parts["name"], "name") if "name" in parts else ""
            ranges = [(NO_CODE, NO_CODE)]
            if "at" in parts:
                try:
                    ranges = from_text(self._text(parts["at"], "at"))
                except ValueError as error:
                    self._fail(parts["at"], str(error))
            self._ranges += len(ranges)
            if self._ranges > MOST_RANGES:
                self._fail(item, f"more than {MOST_RANGES} ranges of addresses")
            place = Place(unit, space, name[: LONGEST * 4])
            if place in objects:
                self._fail(item, "an object with this unit, space and name stands twice; join their `at`")
            objects[place] = ranges
        return objects

    def _read_withheld(self, node: yaml.Node) -> None:
        parts = self._record(
            node, "a withheld operation", ("client", "server", "service", "operation", "function", "first")
        )
        entry = Withheld(
            self._conversation(parts),
            self._word(parts["operation"], "operation", _OPERATIONS),
            self._function(parts["function"]),
            self._time(parts["first"], "first"),
        )
        self._baseline.withheld[entry[:3]] = entry
