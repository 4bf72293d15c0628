"""Select before operate, from message rows as decoders write them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensor.buckets import BUCKET
from sensor.messages import MESSAGE, SELECT, WITHOUT_SELECT, Kind, Operation
from sensor.protocols.protocol import Number
from sensor.selecting import EVICTED, Selections, mark, new_selections
from sensor.types import Rows

SECOND = 10**9
MASTER, STRANGER = 1, 2
START = 100
"""Second of the first command; traffic began in second 1."""


def rows(*commands: dict[str, Any]) -> Rows:
    """Commands to one outstation, a read in second 1 before them."""
    table = np.zeros(len(commands) + 1, MESSAGE)
    table[0]["time_ns"] = SECOND
    for row, command in zip(table[1:], commands, strict=True):
        given = {
            "second": START, "client": MASTER, "server": 9, "unit": 4, "space": 12, "address": 7,
            "protocol": Number.DNP3, "operation": Operation.OPERATE, "kind": Kind.REQUEST, "function": 4,
        } | command  # fmt: skip
        row["time_ns"] = given.pop("second") * SECOND
        for name, value in given.items():
            row[name] = value
    return table


def flagged(*commands: dict[str, Any], table: Selections | None = None) -> list[bool]:
    """Of each command whether it lacks its select."""
    messages = rows(*commands)
    mark(table or new_selections(), messages, np.int64(len(messages)))
    return [bool(row["flags"] & WITHOUT_SELECT) for row in messages[1:]]


def select(second: int = START, **more: Any) -> dict[str, Any]:
    return {"second": second, "function": 3, "flags": SELECT, **more}


def operate(second: int = START + 1, **more: Any) -> dict[str, Any]:
    return {"second": second, **more}


IEC104 = {"protocol": Number.IEC104, "function": 46, "subfunction": 6}
"""A double command that is activated."""


def test_select_then_operate_is_good_and_operate_alone_is_not() -> None:
    assert flagged(select(), operate()) == [False, False]
    assert flagged(operate()) == [True]


def test_a_select_serves_one_client_one_output_and_one_time() -> None:
    assert flagged(select(), operate(client=STRANGER)) == [False, True]
    assert flagged(select(), operate(address=8)) == [False, True]
    assert flagged(select(), operate(unit=5)) == [False, True]
    assert flagged(select(), operate(), operate(START + 20)) == [False, False, True]
    assert flagged(select(), operate(START + 90)) == [False, True]


def test_a_command_may_be_sent_again_at_once() -> None:
    assert flagged(select(), operate(), operate(START + 3)) == [False, False, False]


def test_direct_operate_needs_no_select() -> None:
    assert flagged({"function": 5}, {"function": 6}) == [False, False]


def test_an_iec104_object_wants_a_select_once_it_was_selected() -> None:
    assert flagged(operate(**IEC104)) == [False]
    assert flagged(select(**IEC104 | {"flags": SELECT}), operate(**IEC104)) == [False, False]
    later = operate(START + 300, client=STRANGER, **IEC104)
    assert flagged(select(**IEC104 | {"flags": SELECT}), operate(**IEC104), later) == [False, False, True]
    gives_up = operate(START + 300, **IEC104 | {"subfunction": 8})
    assert flagged(select(**IEC104 | {"flags": SELECT}), gives_up) == [False, False]


def test_what_was_selected_before_the_traffic_began_is_not_known() -> None:
    assert flagged(operate(5)) == [False]


def test_answers_and_other_protocols_are_left_alone() -> None:
    assert flagged(operate(kind=Kind.RESPONSE), operate(protocol=Number.MODBUS, function=5)) == [False, False]


def test_what_may_have_been_forgotten_is_not_told() -> None:
    table = new_selections(BUCKET)
    many = [select(START + number, address=number) for number in range(BUCKET + 3)]
    assert not any(flagged(*many, operate(START + 20, address=0), table=table))
    assert table.used[EVICTED] == 3
