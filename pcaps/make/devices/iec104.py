"""An IEC 60870-5-104 outstation, its control centre and an intruder, on lib60870 (through c104).

c104 compares the annotations of callbacks, so they must not be postponed here.
"""

import time
from collections.abc import Callable

import c104

from lab.network import Context

COMMON_ADDRESS = 47
VOLTAGE, CURRENT, POWER, BREAKER = 11, 12, 13, 21
BREAKER_COMMAND, SET_POINT = 61, 71

Process = Callable[[dict[int, float], bool], dict[int, float]]
"""One step: measured values before, whether the breaker is closed, to measured values after."""


def serve(context: Context, process: Process) -> None:
    """An outstation: reports measured values every few seconds, obeys breaker and set-point commands."""
    server = c104.Server(ip=context.host.ip, port=2404, tick_rate_ms=200)
    station = server.add_station(common_address=COMMON_ADDRESS)
    measured = {
        number: station.add_point(io_address=number, type=c104.Type.M_ME_NC_1, report_ms=2000 + 600 * index)
        for index, number in enumerate((VOLTAGE, CURRENT, POWER))
    }
    breaker = station.add_point(io_address=BREAKER, type=c104.Type.M_DP_NA_1, report_ms=10000)
    breaker.value = c104.Double.ON
    command = station.add_point(io_address=BREAKER_COMMAND, type=c104.Type.C_DC_NA_1)

    def obey(
        point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage
    ) -> c104.ResponseState:
        breaker.value = point.value
        breaker.transmit(cause=c104.Cot.SPONTANEOUS)
        return c104.ResponseState.SUCCESS

    def accept(
        point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage
    ) -> c104.ResponseState:
        return c104.ResponseState.SUCCESS

    command.on_receive(callable=obey)
    station.add_point(io_address=SET_POINT, type=c104.Type.C_SE_NC_1).on_receive(callable=accept)
    server.start()
    values = {VOLTAGE: 20.4, CURRENT: 180.0, POWER: 6.2}
    while True:
        values = process(values, breaker.value == c104.Double.ON)
        for number, point in measured.items():
            point.value = values[number]
        time.sleep(0.5)


def _connect(context: Context, server: str, init: c104.Init) -> tuple[c104.Client, c104.Connection]:
    client = c104.Client(tick_rate_ms=200, command_timeout_ms=3000)
    connection = client.add_connection(ip=context.ip(server), port=2404, init=init)
    client.start()
    while not connection.is_connected:
        time.sleep(0.2)
    return client, connection


def _point(connection: c104.Connection, number: int, kind: c104.Type) -> c104.Point:
    """A point to command; the stack may know the station already from what it reported."""
    station = connection.get_station(common_address=COMMON_ADDRESS)
    if station is None:
        station = connection.add_station(common_address=COMMON_ADDRESS)
    return station.get_point(io_address=number) or station.add_point(io_address=number, type=kind)


def control(context: Context, server: str) -> None:
    """A control centre: general interrogation at start and every 30 s; set-points now and then."""
    context.wait_until(2)
    _client, connection = _connect(context, server, c104.Init.INTERROGATION)
    set_point = _point(connection, SET_POINT, c104.Type.C_SE_NC_1)
    for turn in context.every(10, 8):
        if turn % 3 == 2:
            connection.interrogation(common_address=COMMON_ADDRESS)
        else:
            set_point.value = round(context.random.uniform(5.5, 6.5), 1)
            set_point.transmit(cause=c104.Cot.ACTIVATION)


def intrude(context: Context, server: str) -> None:
    """Another master: interrogates the station, opens the breaker, resets the station's process."""
    context.happened(server, "read", "Interrogates the station as a second control centre", ["T0861"])
    client, connection = _connect(context, server, c104.Init.NONE)
    connection.interrogation(common_address=COMMON_ADDRESS)
    time.sleep(3)
    context.happened(server, "operate", "Opens the breaker with a double command", ["T1692.001"])
    command = _point(connection, BREAKER_COMMAND, c104.Type.C_DC_NA_1)
    command.value = c104.Double.OFF
    command.transmit(cause=c104.Cot.ACTIVATION)
    time.sleep(3)
    context.happened(server, "operate", "Commands a set-point of 60", ["T0836"])
    set_point = _point(connection, SET_POINT, c104.Type.C_SE_NC_1)
    set_point.value = 60.0
    set_point.transmit(cause=c104.Cot.ACTIVATION)
    time.sleep(2)
    client.stop()
