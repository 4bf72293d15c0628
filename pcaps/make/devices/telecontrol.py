"""IEC 60870-5-104 outstations with many points and their control centre, on lib60870 (through c104).

c104 compares the annotations of callbacks, so they must not be postponed here.
"""

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import c104

from lab.network import Context

STEP = 0.5
MEASURED, BREAKERS, COMMANDS, SET_POINTS, COUNTERS = 1000, 100, 2000, 3000, 4000
"""First object addresses: measured values, breaker positions, breaker commands, set-points, counters."""

Process = Callable[[list[float], list[bool], list[float]], tuple[list[float], int]]
"""One step: measured values, breakers closed, set-points; to measured values and a counter."""


class Layout(NamedTuple):
    """A station: its common address and how many points of each kind it has; start of measured values."""

    address: int
    measured: tuple[float, ...]
    breakers: int
    set_points: tuple[float, ...]
    report_ms: int = 2000


def _commanded(
    point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage
) -> c104.ResponseState:
    """Taken, as a station in remote mode does."""
    return c104.ResponseState.SUCCESS


def serve(context: Context, layout: Layout, process: Process) -> None:
    """An outstation: reports measured values cyclically, obeys breaker commands and set-points."""
    server = c104.Server(ip=context.host.ip, port=2404, tick_rate_ms=200)
    station = server.add_station(common_address=layout.address)
    measured = [
        station.add_point(
            io_address=MEASURED + index, type=c104.Type.M_ME_NC_1, report_ms=layout.report_ms + 400 * index
        )
        for index in range(len(layout.measured))
    ]
    breakers, commands, set_points = [], [], []
    for index in range(layout.breakers):
        position = station.add_point(io_address=BREAKERS + index, type=c104.Type.M_DP_TB_1, report_ms=20000)
        position.value = c104.Double.ON
        command = station.add_point(io_address=COMMANDS + index, type=c104.Type.C_DC_NA_1)
        command.value = c104.Double.ON
        command.on_receive(callable=_commanded)
        breakers.append(position)
        commands.append(command)
    for index, start in enumerate(layout.set_points):
        point = station.add_point(io_address=SET_POINTS + index, type=c104.Type.C_SE_NC_1)
        point.value = start
        point.on_receive(callable=_commanded)
        set_points.append(point)
    counter = station.add_point(io_address=COUNTERS, type=c104.Type.M_IT_NA_1)
    server.start()
    values = list(layout.measured)
    while True:
        for position, command in zip(breakers, commands, strict=True):
            if position.value != command.value:
                position.value = command.value
                position.transmit(cause=c104.Cot.SPONTANEOUS)
        closed = [position.value == c104.Double.ON for position in breakers]
        values, count = process(values, closed, [float(point.value) for point in set_points])
        for point, value in zip(measured, values, strict=True):
            point.value = value
        with contextlib.suppress(Exception):  # a counter's type differs between versions of the stack
            counter.value = count
        time.sleep(STEP)


class Centre:
    """A control centre's connection to one station."""

    def __init__(self, context: Context, address: str, common_address: int, init: c104.Init) -> None:
        self.client = c104.Client(tick_rate_ms=200, command_timeout_ms=3000)
        self.connection = self.client.add_connection(ip=address, port=2404, init=init)
        self.common_address = common_address

    def start(self) -> None:
        """Connect, and wait until that is done."""
        self.client.start()
        while not self.connection.is_connected:
            time.sleep(0.2)

    def interrogate(self) -> None:
        """General interrogation."""
        self.connection.interrogation(common_address=self.common_address)

    def read_counters(self) -> None:
        """Counter interrogation."""
        self.connection.counter_interrogation(common_address=self.common_address)

    def synchronise(self) -> None:
        """Clock synchronisation."""
        self.connection.clock_sync(common_address=self.common_address)

    def command(self, number: int, kind: c104.Type, value: object) -> None:
        """Send an activation; the stack may know the point already from what the station reported."""
        station = self.connection.get_station(common_address=self.common_address)
        if station is None:
            station = self.connection.add_station(common_address=self.common_address)
        point = station.get_point(io_address=number) or station.add_point(io_address=number, type=kind)
        point.value = value
        point.transmit(cause=c104.Cot.ACTIVATION)

    def switch(self, breaker: int, closed: bool) -> None:
        """Command a breaker, counted from 0."""
        state = c104.Double.ON if closed else c104.Double.OFF
        self.command(COMMANDS + breaker, c104.Type.C_DC_NA_1, state)

    def set(self, index: int, value: float) -> None:
        """Command a set-point, counted from 0."""
        self.command(SET_POINTS + index, c104.Type.C_SE_NC_1, value)

    def sweep(self, numbers: Iterable[int]) -> None:
        """Command one object after the other, whether there is one or not."""
        for number in numbers:
            self.command(number, c104.Type.C_DC_NA_1, c104.Double.OFF)
            time.sleep(0.05)

    def stop(self) -> None:
        """Hang up."""
        self.client.stop()
