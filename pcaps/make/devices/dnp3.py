"""A DNP3 outstation, its master and an intruder, on opendnp3 (through yadnp3)."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import opendnp3

from lab.network import Context

MASTER, OUTSTATION = 1, 10
POINTS = 6
SESSIONS = 4
_INSIDE = 20001

Process = Callable[[list[float], list[bool]], list[float]]
"""One step: analog inputs before and relays closed, to analog inputs after."""

_EVERYTHING = opendnp3.ClassField(True, True, True, True)
_EVENTS = opendnp3.ClassField(False, True, True, True)


class Commands(opendnp3.ICommandHandler):
    """Takes every command, as a relay in remote mode does."""

    def Select(self, command: object, index: int) -> opendnp3.CommandStatus:
        """Called by the stack."""
        return opendnp3.CommandStatus.SUCCESS

    def Operate(
        self, command: object, index: int, handler: object, operate_type: opendnp3.OperateType
    ) -> opendnp3.CommandStatus:
        """Called by the stack."""
        return opendnp3.CommandStatus.SUCCESS


class Application(opendnp3.IOutstationApplication):
    """Takes cold restarts, and is back at once."""

    def ColdRestartSupport(self) -> opendnp3.RestartMode:
        """Called by the stack."""
        return opendnp3.RestartMode.SUPPORTED_DELAY_FINE

    def ColdRestart(self) -> int:
        """Called by the stack: milliseconds until the restart is over."""
        return 500


def serve(context: Context, process: Process) -> None:
    """An outstation with analog and binary inputs, and a session for each of SESSIONS masters."""
    manager = opendnp3.DNP3Manager(1)
    outstations = [_outstation(manager, _INSIDE + session) for session in range(SESSIONS)]
    threading.Thread(target=_accept, args=(context.host.ip,), daemon=True).start()
    values = [132.0, 98.0, 21.5, 0.0, 50.0, 12.0]
    while True:
        values = process(values, [True] * POINTS)
        update = opendnp3.UpdateBuilder()
        for index, value in enumerate(values):
            update.Update(opendnp3.Analog(round(value, 2)), index)
        for outstation in outstations:
            outstation.Apply(update.Build())
        time.sleep(1)


def _outstation(manager: opendnp3.DNP3Manager, port: int) -> opendnp3.IOutstation:
    channel = manager.AddTCPServer(
        f"server {port}",
        opendnp3.LogLevels(0),
        opendnp3.ServerAcceptMode.CloseExisting,
        opendnp3.IPEndpoint("127.0.0.1", port),
        opendnp3.IChannelListener(),
    )
    points = opendnp3.DatabaseConfig(POINTS)
    points.octet_string = points.time_and_interval = points.double_binary = points.frozen_counter = {}
    config = opendnp3.OutstationStackConfig(points)
    config.link.LocalAddr, config.link.RemoteAddr = OUTSTATION, MASTER
    config.outstation.eventBufferConfig = opendnp3.EventBufferConfig.AllTypes(100)
    config.outstation.params.allowUnsolicited = True
    outstation = channel.AddOutstation(f"outstation {port}", Commands(), Application(), config)
    outstation.Enable()
    return outstation


def _accept(address: str) -> None:
    """opendnp3 gives a port to one master; a relay serves several: each gets a session of its own."""
    with socket.create_server((address, 20000)) as server:
        for session in range(SESSIONS):
            outside, _ = server.accept()
            inside = socket.create_connection(("127.0.0.1", _INSIDE + session))
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=_forward, args=pair, daemon=True).start()
        threading.Event().wait()


def _forward(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side has hung up
        while octets := source.recv(4096):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)


def connect_master(
    context: Context, server: str, address: int
) -> tuple[opendnp3.DNP3Manager, opendnp3.IMaster]:
    """A master of the server under this DNP3 address; not enabled yet."""
    manager = opendnp3.DNP3Manager(1)
    second = opendnp3.TimeDuration.Seconds(1)
    channel = manager.AddTCPClient(
        "client",
        opendnp3.LogLevels(0),
        opendnp3.ChannelRetry(second, second),
        [opendnp3.IPEndpoint(context.ip(server), 20000)],
        "0.0.0.0",
        opendnp3.IChannelListener(),
    )
    config = opendnp3.MasterStackConfig()
    config.link.LocalAddr, config.link.RemoteAddr = address, OUTSTATION
    config.master.disableUnsolOnStartup = False
    master = channel.AddMaster("master", opendnp3.ISOEHandler(), opendnp3.IMasterApplication(), config)
    return manager, master


def control(context: Context, server: str) -> None:
    """A master: integrity poll every 30 s, events every 3 s, a capacitor bank switched now and then."""
    context.wait_until(2)
    _manager, master = connect_master(context, server, MASTER)
    seconds, handler = opendnp3.TimeDuration.Seconds, opendnp3.ISOEHandler()
    master.AddClassScan(_EVERYTHING, seconds(30), handler)
    master.AddClassScan(_EVENTS, seconds(3), handler)
    master.Enable()
    for turn in context.every(20, 12):
        kind = opendnp3.OperationType.LATCH_ON if turn % 2 else opendnp3.OperationType.LATCH_OFF
        master.SelectAndOperate(opendnp3.ControlRelayOutputBlock(kind), 3, lambda result: None)


def intrude(context: Context, server: str) -> None:
    """Another master, under the real one's address: trips a breaker, then cold-restarts the device.

    A master's first requests, the integrity poll among them, are the stack's own.
    """
    manager, master = connect_master(context, server, MASTER)
    context.happened(server, "read", "Reads every point as a second master", ["T0861"])
    master.Enable()
    time.sleep(3)
    context.happened(server, "operate", "Trips a breaker with a direct operate", ["T1692.001"])
    trip = opendnp3.ControlRelayOutputBlock(opendnp3.OperationType.PULSE_ON, opendnp3.TripCloseCode.TRIP)
    master.DirectOperate(trip, 0, lambda result: None)
    time.sleep(3)
    context.happened(server, "reset", "Cold-restarts the outstation", ["T0816"])
    master.Restart(opendnp3.RestartType.COLD, lambda result: None)
    time.sleep(3)
    manager.Shutdown()
