"""Captures of one Modbus/TCP client and server, made by scapy: what a short day of a plant looks like."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

HMI, PLC = "10.1.1.5", "10.1.1.10"
READ = ("0300640002", "0304000a000b")
WRITE = ("0600650007", "0600650007")
RESTART = ("0800010000", "0800010000")


def adu(transaction: int, pdu: str) -> bytes:
    octets = bytes.fromhex(pdu)
    return transaction.to_bytes(2) + b"\0\0" + (len(octets) + 1).to_bytes(2) + b"\1" + octets


def capture(path: Path, *exchanges: tuple[str, str], begin: float = 1_700_000_000) -> Path:
    """One Modbus/TCP connection, one second between exchanges of (request, response) PDUs."""
    packets = []
    sequence = [1000, 2000]

    def send(side: int, flags: str, payload: bytes, time: float) -> None:
        ends = {"src": PLC, "dst": HMI} if side else {"src": HMI, "dst": PLC}
        ports = {"sport": 502, "dport": 50000} if side else {"sport": 50000, "dport": 502}
        header = TCP(seq=sequence[side], ack=sequence[1 - side], flags=flags, **ports)
        packet = (
            Ether(src=f"02:00:00:00:00:0{side + 1}", dst=f"02:00:00:00:00:0{2 - side}") / IP(**ends) / header
        )
        packet = packet / payload if payload else packet
        packet.time = time
        packets.append(packet)
        sequence[side] += len(payload) + ("S" in flags)

    for side, flags in ((0, "S"), (1, "SA"), (0, "A")):
        send(side, flags, b"", begin)
    for number, (request, response) in enumerate(exchanges):
        send(0, "PA", adu(number, request), begin + number)
        send(1, "PA", adu(number, response), begin + number + 0.01)
    wrpcap(str(path), packets)
    return path
