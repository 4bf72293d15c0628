"""Modbus/TCP controllers, an HMI, a historian and an intruder, on pymodbus."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from pymodbus import ModbusDeviceIdentification
from pymodbus.client import ModbusTcpClient
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

from lab.network import Context

Process = Callable[[list[int]], list[int]]
"""One step of a process: holding registers before to measured input registers after."""

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
UNIT = 1
SPACE = 64


def serve(context: Context, process: Process, holding: list[int]) -> None:
    """A controller: `process` runs twice a second on its registers; answers for unit 1."""
    asyncio.run(_serve(context, process, holding))


async def _serve(context: Context, process: Process, holding: list[int]) -> None:
    told = context.host.told
    identity = ModbusDeviceIdentification(
        info_name={
            "VendorName": context.host.vendor,
            "ProductCode": told["model"],
            "MajorMinorRevision": told["firmware"],
            "ModelName": told["model"],
        }
    )
    block = ModbusSequentialDataBlock
    device = ModbusDeviceContext(
        di=block(1, [False] * SPACE),
        co=block(1, [True] * SPACE),
        hr=block(1, (holding + [0] * SPACE)[:SPACE]),
        ir=block(1, [0] * SPACE),
    )
    server = ModbusTcpServer(
        ModbusServerContext(devices={UNIT: device}), identity=identity, address=(context.host.ip, 502)
    )
    await server.serve_forever(background=True)
    while True:
        registers = await server.async_getValues(UNIT, 3, 0, SPACE)
        await server.async_setValues(UNIT, 4, 0, process([int(value) for value in registers]))
        await asyncio.sleep(0.5)


def connect(context: Context, server: str) -> ModbusTcpClient:
    """A connection, as soon as the server is there."""
    client = ModbusTcpClient(context.ip(server), timeout=2)
    while not client.connect():
        time.sleep(0.3)
    return client


def operate(context: Context, servers: list[str], settings: dict[str, tuple[int, range]]) -> None:
    """An HMI: asks controllers who they are, reads every second, writes a set-point now and then.

    `settings`: server to (holding register, values).
    """
    context.wait_until(1)
    clients = {server: connect(context, server) for server in servers}
    for client in clients.values():
        client.read_device_information(read_code=1, object_id=0, device_id=UNIT)
    for turn in context.every(1, 1):
        for server, client in clients.items():
            client.read_input_registers(0, count=8, device_id=UNIT)
            client.read_holding_registers(0, count=4, device_id=UNIT)
            if turn % 5 == 0:
                client.read_coils(0, count=8, device_id=UNIT)
            if turn % 12 == 7 and server in settings:
                register, values = settings[server]
                client.write_register(register, context.random.choice(values), device_id=UNIT)


def archive(context: Context, servers: list[str]) -> None:
    """A historian: reads measured values every two seconds, and never writes."""
    context.wait_until(1.5)
    clients = [connect(context, server) for server in servers]
    for _ in context.every(2, 1.5):
        for client in clients:
            client.read_input_registers(0, count=8, device_id=UNIT)


def intrude(context: Context, target: str, register: int, value: int, coil: int) -> None:
    """Ask who the controller is, map its registers, write a set-point, switch an output, silence it."""
    client = connect(context, target)
    context.happened(target, "identify", "Reads the device identification of the controller", ["T0888"])
    client.read_device_information(read_code=1, object_id=0, device_id=UNIT)
    time.sleep(1)
    context.happened(target, "read", "Maps the registers of the controller, block by block", ["T0861"])
    for start in range(0, 160, 16):
        client.read_holding_registers(start, count=16, device_id=UNIT)
        time.sleep(0.1)
    time.sleep(2)
    context.happened(
        target, "write", f"Writes {value} to holding register {register}, far outside its working range",
        ["T0836"],
    )  # fmt: skip
    client.write_register(register, value, device_id=UNIT)
    time.sleep(2)
    context.happened(target, "operate", f"Switches coil {coil} off", ["T1692.001"])
    client.write_coil(coil, False, device_id=UNIT)
    time.sleep(2)
    context.happened(target, "reset", "Restarts the communications of the controller", ["T0816"])
    client.diag_restart_communication(False, device_id=UNIT)
    client.close()
