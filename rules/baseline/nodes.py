"""Takes a YAML tree apart; what it cannot read it names with file, line and column."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NoReturn

import yaml

from rules.baseline.model import TRANSPORTS, Conversation, Function, Place
from rules.baseline.words import NO_FUNCTION, spaces_by_name
from rules.documents import nanoseconds
from rules.language.problems import suggestion
from sensor.messages import NO_CODE, Operation
from sensor.protocols.protocol import NAMES
from sensor.protocols.registry import PROTOCOLS
from sensor.strings import LONGEST

MOST_CODE = (1 << 31) - 1

_PROTOCOLS = {name: number for number, name in NAMES.items()}
_TRANSPORTS = {name: number for number, name in TRANSPORTS.items()}
OPERATIONS = {operation.name.lower(): int(operation) for operation in Operation}
_FUNCTION = re.compile(r"(-1|\d{1,10})(?:/(\d{1,10}))?(?: .*)?", re.DOTALL)
_SPACE = re.compile(r"(?:[^/]*/)?(\d{1,9})")
_INTEGER = re.compile(r"-?\d{1,19}")


class BaselineError(ValueError):
    """A baseline file that cannot be used; the text says where and why."""


class Reader:
    """Takes nodes of one file apart; `path` names it in errors. Every method raises BaselineError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._visited: set[int] = set()

    def fail(self, node: yaml.Node, text: str) -> NoReturn:
        """Say what is wrong at this node."""
        raise BaselineError(f"{self._path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: {text}")

    def _once(self, node: yaml.Node) -> None:
        # An alias leads to a node a second time; chains of them could stand for billions of values.
        if id(node) in self._visited:
            self.fail(node, "YAML aliases are not allowed")
        self._visited.add(id(node))

    def map(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Key to (key node, value node)."""
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} must be a map of keys and values")
        self._once(node)
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self.text(key, f"a key of {what}")
            if name in found:
                self.fail(key, f"{name!r} stands twice in {what}")
            found[name] = key, value
        return found

    def record(
        self, node: yaml.Node, what: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        """A map with these keys and no others, as key to value node."""
        return self.chosen(node, self.map(node, what), what, required, optional)

    def chosen(
        self,
        node: yaml.Node,
        entries: dict[str, tuple[yaml.Node, yaml.Node]],
        what: str,
        required: tuple[str, ...],
        optional: tuple[str, ...],
    ) -> dict[str, yaml.Node]:
        """`record` of a map that was taken apart already."""
        known = (*required, *optional)
        for name, (key, _) in entries.items():
            if name not in known:
                self.fail(key, f"{what} has no {name!r}{suggestion(name, known)}; it has {', '.join(known)}")
        for name in required:
            if name not in entries:
                self.fail(node, f"{what} lacks {name!r}")
        return {name: value for name, (_, value) in entries.items()}

    def list(self, node: yaml.Node, what: str, most: int) -> list[yaml.Node]:
        """The entries of a list of at most `most`."""
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"{what} must be a list (lines that begin with a dash)")
        self._once(node)
        if len(node.value) > most:
            self.fail(node.value[most], f"{what}: more than {most} entries")
        return list(node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        """A scalar as it stands."""
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, f"{what} must be plain text")
        return str(node.value)

    def integer(self, node: yaml.Node, what: str, most: int = MOST_CODE) -> int:
        """A whole number from -1 to `most`."""
        text = self.text(node, what)
        if not _INTEGER.fullmatch(text) or not -1 <= int(text) <= most:
            self.fail(node, f"{what} must be a whole number from 0 to {most}, not {text!r}")
        return int(text)

    def real(self, node: yaml.Node, what: str) -> float:
        """A finite number."""
        text = self.text(node, what)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.fail(node, f"{what} must be a number, not {text!r}")
        return value

    def word(self, node: yaml.Node, what: str, words: dict[str, int]) -> int:
        """What one of these words stands for."""
        text = self.text(node, what)
        if text not in words:
            self.fail(node, f"{text!r} is no {what} that this version knows{suggestion(text, words)}")
        return words[text]

    def time(self, node: yaml.Node, what: str) -> int:
        """Nanoseconds since 1970."""
        text = self.text(node, what)
        try:
            return nanoseconds(text.replace("Z", "+00:00"))
        except (ValueError, OverflowError):
            self.fail(node, f"{what} must be a time such as 2026-11-22T07:39:29Z, not {text!r}")

    def protocol(self, node: yaml.Node) -> int:
        """The number of a protocol from its name."""
        return self.word(node, "protocol", _PROTOCOLS)

    def operation(self, node: yaml.Node) -> int:
        """The number of an operation from its word."""
        return self.word(node, "operation", OPERATIONS)

    def conversation(self, parts: dict[str, yaml.Node]) -> Conversation:
        """From the parts `client`, `server` and `service`."""
        node = parts["service"]
        name, _, rest = self.text(node, "service").partition(" ")
        if name not in _PROTOCOLS:
            self.fail(node, f"{name!r} is no protocol that this version knows{suggestion(name, _PROTOCOLS)}")
        transport, slash, port = rest.partition("/")
        number = _TRANSPORTS.get(transport, int(transport) if re.fullmatch(r"\d{1,3}", transport) else -1)
        if not 0 <= number <= 255 or (slash and not re.fullmatch(r"dynamic|\d{1,5}", port)):
            self.fail(node, f"{rest!r} is not a transport and port, such as tcp/502 or udp/dynamic")
        value = int(port) if port.isdigit() else 0
        if value > 65535:
            self.fail(node, f"{value} is not a port")
        return Conversation(
            self.text(parts["client"], "client"),
            self.text(parts["server"], "server"),
            _PROTOCOLS[name],
            number,
            value,
        )

    def function(self, node: yaml.Node) -> Function:
        """From `3 Read`, `8/1`, `none`."""
        text = self.text(node, "function")
        if text == NO_FUNCTION:
            return Function(NO_CODE, NO_CODE)
        match = _FUNCTION.fullmatch(text)
        if match is None or int(match[1]) > MOST_CODE or int(match[2] or 0) > MOST_CODE:
            self.fail(node, f"{text!r} is not a function: write its number first, as in `3 Read` or `8/1`")
        return Function(int(match[1]), int(match[2]) if match[2] else NO_CODE)

    def place(self, parts: dict[str, yaml.Node], protocol: int) -> Place:
        """From the parts `unit`, `space` and `name`, as far as they are there."""
        known = PROTOCOLS.get(protocol)
        spaces = spaces_by_name(known) if known else {}
        unit = self.integer(parts["unit"], "unit") if "unit" in parts else NO_CODE
        space = NO_CODE
        if "space" in parts:
            text = self.text(parts["space"], "space")
            number = _SPACE.fullmatch(text)
            space = int(number[1]) if number else spaces.get(text, NO_CODE)
            if space == NO_CODE:
                hint = suggestion(text, spaces)
                self.fail(parts["space"], f"{text!r} is no object space of this protocol{hint}")
        name = self.text(parts["name"], "name") if "name" in parts else ""
        return Place(unit, space, name[: LONGEST * 4])
