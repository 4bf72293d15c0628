"""Messages as documents: one for each PDU, as docs/documents.md describes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sensor.details import details_of
from sensor.messages import FLAG_NAMES, IDENTITY, MESSAGES, Buffers, Kind, Operation, Out, ValueKind
from sensor.protocols.protocol import NAMES, Field, Protocol, Record
from sensor.protocols.registry import PROTOCOLS
from sensor.strings import text_of
from sensor.times import rfc3339_all
from sensor.wire.endpoints import Endpoints, address_text

TRANSPORTS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
OPERATIONS = [item.name.lower() for item in Operation]
KINDS = [item.name.lower() for item in Kind]
_FIELDS: dict[str, Field] = {item.name: item for protocol in PROTOCOLS.values() for item in protocol.fields}


def status_text(protocol: Protocol, status: int) -> str:
    """`ok`, or the specification's name of a status code, or its number."""
    if status == 0:
        return "ok"
    return protocol.statuses.get(status, f"Status {status}")


def plain_value(value: float, value_kind: int) -> int | float:
    """A value column as JSON: whole numbers without a fraction."""
    return float(value) if value_kind == ValueKind.REAL else int(value)


def _spelled(field: Field, value: Any) -> Any:
    """A detail as JSON: octets in hex, codes by name."""
    if isinstance(value, list):
        return [_spelled(field, item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if field.values is not None:
        return field.values.get(value, f"{value}")
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return f"0x{value:x}" if field.type == "hex" else value


def nested_details(details: dict[str, Any]) -> dict[str, Any]:
    """`{"modbus.transaction_id": 4}` as `{"modbus": {"transaction_id": 4}}`, with codes beside names."""
    result: dict[str, Any] = {}
    for name, value in details.items():
        field = _FIELDS[name]
        protocol, _, rest = name.partition(".")
        target = result.setdefault(protocol, {})
        target[rest] = _spelled(field, value)
        if field.values is not None:
            target[f"{rest}_code"] = value
    return result


class MessageWriter:
    """Makes documents of what a Pipeline with `want_details` yields."""

    def __init__(self, out: Out, endpoints: Endpoints) -> None:
        self._out = out
        self._endpoints = endpoints
        self._addresses: dict[int, str] = {}

    def address(self, endpoint: int) -> str:
        """The address of an endpoint as text; empty for none."""
        text = self._addresses.get(endpoint)
        if text is None:
            row = self._endpoints.rows[endpoint]
            text = address_text(int(row["high"]), int(row["low"])) if endpoint else ""
            if len(self._addresses) < 1 << 17:
                self._addresses[endpoint] = text
        return text

    def documents(self, buffers: Buffers) -> Iterator[dict[str, Any]]:
        """The PDUs in `out`, in the order of their frames."""
        rows = self._out.messages[: self._out.used[MESSAGES]]
        details = details_of(self._out, buffers)
        starts = np.flatnonzero(rows["part"] == 0)
        ends = np.append(starts[1:], len(rows))
        stamps = rfc3339_all(rows["time_ns"])
        for index in np.argsort(rows["packet"][starts], kind="stable").tolist():
            start, end = int(starts[index]), int(ends[index])
            yield self._document(rows, details, stamps[start], start, end)

    def _document(
        self, rows: Any, details: list[dict[str, Any]], stamp: str, start: int, end: int
    ) -> dict[str, Any]:
        row = rows[start]
        protocol = PROTOCOLS[int(row["protocol"])]
        client = self._end(row, "client")
        server = self._end(row, "server")
        source, destination = (server, client) if row["direction"] else (client, server)
        network: dict[str, Any] = {"protocol": NAMES[int(row["protocol"])]}
        if row["transport"]:
            network["transport"] = TRANSPORTS.get(int(row["transport"]), f"{int(row['transport'])}")
        network["direction"] = KINDS[int(row["kind"])]
        if row["vlan"]:
            network["vlan"] = {"id": str(int(row["vlan"]))}
        ics: dict[str, Any] = {
            "operation": OPERATIONS[int(row["operation"])],
            "kind": KINDS[int(row["kind"])],
        }
        if row["function"] >= 0:
            ics["function"] = protocol.function_name(int(row["function"]), int(row["subfunction"]))
            ics["function_code"] = int(row["function"])
        if row["subfunction"] >= 0:
            ics["subfunction_code"] = int(row["subfunction"])
        if row["unit"] >= 0:
            ics["unit"] = int(row["unit"])
        ics.update(self._object(protocol, row, details[start]))
        if end - start > 1:
            ics["objects"] = [
                self._object(protocol, rows[index], details[index]) for index in range(start, end)
            ]
        for bit, name in FLAG_NAMES.items():
            if row["flags"] & bit and bit != IDENTITY:
                ics[name] = True
        if row["request_packet"]:
            ics["request_frame"] = int(row["request_packet"])
            ics["latency_ns"] = int(row["latency_ns"])
        merged: dict[str, Any] = {}
        for index in range(start, end):
            for name, value in details[index].items():
                if isinstance(value, list):
                    merged.setdefault(name, []).extend(value)
                elif name in merged and end - start > 1:
                    known = merged[name] if isinstance(merged[name], list) else [merged[name]]
                    merged[name] = [*known, value]
                else:
                    merged[name] = value
        return {
            "frame": int(row["packet"]),
            "@timestamp": stamp,
            "source": source,
            "destination": destination,
            "network": network,
            "ics": ics,
            **nested_details(merged),
        }

    def _end(self, row: Any, side: str) -> dict[str, Any]:
        address = self.address(int(row[side]))
        result: dict[str, Any] = {}
        if address:
            result["mac" if len(address) == 17 and address.count(":") == 5 else "ip"] = address
        if row["transport"] in (6, 17):
            result["port"] = int(row[f"{side}_port"])
        return result

    def _object(self, protocol: Protocol, row: Any, details: dict[str, Any]) -> dict[str, Any]:
        record = Record(row, text_of(self._out.strings, int(row["name"])), details)
        result: dict[str, Any] = {}
        if row["space"] >= 0:
            result["space"] = protocol.spaces.get(int(row["space"]), str(int(row["space"])))
        if row["address"] >= 0:
            result["address"] = int(row["address"])
        if row["count"] >= 0:
            result["count"] = int(row["count"])
        described = protocol.describe(record)
        if described:
            result["object"] = described
        if record.name:
            result["name"] = record.name
        if row["value_kind"] and np.isfinite(row["value"]):
            result["value"] = plain_value(row["value"], int(row["value_kind"]))
        if row["status"] >= 0:
            result["status"] = status_text(protocol, int(row["status"]))
            result["status_code"] = int(row["status"])
        return result
