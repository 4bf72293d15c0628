"""Turns the detail rows that kernels wrote into Python values under their field names."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np

from sensor.messages import DETAILS, MESSAGES, Buffers, DetailKind, Out
from sensor.protocols.registry import field_of
from sensor.types import Ints


def details_of(out: Out, buffers: Buffers) -> list[dict[str, Any]]:
    """For each message row its details: field name to value, or to a list where the field repeats.

    INTEGER gives int, REAL float, BYTES bytes (text where the field is an ip or mac address), TEXT
    str (undecodable octets as `\\xNN`, trailing NULs and blanks removed). Codes stay codes: names
    are given to them by whoever writes them out.
    """
    result: list[dict[str, Any]] = [{} for _ in range(int(out.used[MESSAGES]))]
    for row in out.details[: out.used[DETAILS]]:
        _put(result[int(row["message"])], row, buffers)
    return result


def details_of_some(out: Out, buffers: Buffers, messages: Ints) -> list[dict[str, Any]]:
    """`details_of` for the message rows with these (ascending) indices only, in their order."""
    result: list[dict[str, Any]] = [{} for _ in messages]
    owners = out.details["message"][: out.used[DETAILS]]
    if not len(messages):
        return result
    places = np.searchsorted(messages, owners)
    places[places == len(messages)] = 0
    for index in np.flatnonzero(messages[places] == owners):
        _put(result[places[index]], out.details[index], buffers)
    return result


def _put(fields: dict[str, Any], row: Any, buffers: Buffers) -> None:
    field = field_of(int(row["field"]))
    value: Any
    if row["kind"] == DetailKind.INTEGER:
        value = int(row["number"])
    elif row["kind"] == DetailKind.REAL:
        value = float(row["real"])
    else:
        data = buffers[int(row["buffer"])]
        value = data[int(row["number"]) : int(row["number"] + row["length"])].tobytes()
        if row["kind"] == DetailKind.TEXT:
            value = value.rstrip(b"\0 ").decode("utf-8", "backslashreplace")
        elif field.type == "mac":
            value = value.hex(":")
        elif field.type == "ip":
            value = str(ipaddress.ip_address(value)) if len(value) in (4, 16) else value.hex()
    if field.type == "boolean":
        value = bool(value)
    if field.repeats:
        fields.setdefault(field.name, []).append(value)
    else:
        fields[field.name] = value
