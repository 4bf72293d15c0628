"""DNP3 outstations that answer several masters one after the other, and masters, on opendnp3 (yadnp3)."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import opendnp3

from devices.dnp3 import MASTER, OUTSTATION, Application, Commands
from lab.network import Context

STEP = 2.0
_INSIDE = 20001
_SESSIONS = 6


class State(NamedTuple):
    """What an outstation shows: analog inputs, binary inputs, counters."""

    analogs: list[float]
    binaries: list[bool]
    counters: list[int]


Process = Callable[[State], State]


class _Switches(Commands):
    """Obeys: a latch or a trip changes the state of its output."""

    def __init__(self, outputs: list[bool]) -> None:
        super().__init__()
        self.outputs = outputs

    def Operate(
        self, command: object, index: int, handler: object, operate_type: opendnp3.OperateType
    ) -> opendnp3.CommandStatus:
        if isinstance(command, opendnp3.ControlRelayOutputBlock) and index < len(self.outputs):
            off = command.opType == opendnp3.OperationType.LATCH_OFF
            self.outputs[index] = not (off or command.tcc == opendnp3.TripCloseCode.TRIP)
        return opendnp3.CommandStatus.SUCCESS


def serve(context: Context, start: State, outputs: list[bool], process: Process) -> None:
    """An outstation; `outputs` are what commands switch. A master's connection is a session of its own."""
    manager = opendnp3.DNP3Manager(1)
    sessions = [_session(manager, _INSIDE + number, start, outputs) for number in range(_SESSIONS)]
    threading.Thread(target=_accept, args=(context.host.ip,), daemon=True).start()
    state = start
    while True:
        state = process(state)
        update = opendnp3.UpdateBuilder()
        for index, value in enumerate(state.analogs):
            update.Update(opendnp3.Analog(round(value, 2)), index)
        for index, on in enumerate(state.binaries):
            update.Update(opendnp3.Binary(on), index)
        for index, count in enumerate(state.counters):
            update.Update(opendnp3.Counter(count), index)
        built = update.Build()
        for session in sessions:
            session.Apply(built)
        time.sleep(STEP)


def _session(
    manager: opendnp3.DNP3Manager, port: int, start: State, outputs: list[bool]
) -> opendnp3.IOutstation:
    channel = manager.AddTCPServer(
        f"server {port}",
        opendnp3.LogLevels(0),
        opendnp3.ServerAcceptMode.CloseExisting,
        opendnp3.IPEndpoint("127.0.0.1", port),
        opendnp3.IChannelListener(),
    )
    points = opendnp3.DatabaseConfig(max(len(start.analogs), len(start.binaries)))
    points.octet_string = points.time_and_interval = points.double_binary = points.frozen_counter = {}
    config = opendnp3.OutstationStackConfig(points)
    config.link.LocalAddr, config.link.RemoteAddr = OUTSTATION, MASTER
    config.outstation.eventBufferConfig = opendnp3.EventBufferConfig.AllTypes(100)
    config.outstation.params.allowUnsolicited = True
    outstation = channel.AddOutstation(f"outstation {port}", _Switches(outputs), Application(), config)
    outstation.Enable()
    return outstation


def _accept(address: str) -> None:
    """opendnp3 gives a port to one master; an outstation serves several, each by its own session."""
    inside_of: dict[str, int] = {}
    numbers = itertools.cycle(range(_SESSIONS))
    with socket.create_server((address, 20000)) as server:
        while True:
            outside, peer = server.accept()
            number = inside_of.setdefault(peer[0], next(numbers))
            inside = socket.create_connection(("127.0.0.1", _INSIDE + number))
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=_forward, args=pair, daemon=True).start()


def _forward(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side has hung up
        while octets := source.recv(4096):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
