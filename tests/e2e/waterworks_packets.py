"""Packets of the water works, octet by octet."""

from __future__ import annotations

import struct

from e2e.waterworks_machines import PLC1, STATION, Machine

from console.store.times import MINUTE, SECOND


def stop_packets(now: int) -> bytes:
    """The S7comm PLC Stop as captured: request and answer with Ethernet, IPv4, TCP, TPKT and COTP."""
    stop = bytes.fromhex("0300002102f080320100000e000010000029000000000009505f50524f4752414d")
    answer = bytes.fromhex("0300001402f080320300000e00000100000029")[:-1] + b"\x00\x29"
    frames = (
        (now - 42 * MINUTE, frame(STATION, PLC1, 49152, 102, 7000, 9000, stop)),
        (now - 42 * MINUTE + 3_100_000, frame(PLC1, STATION, 102, 49152, 9000, 7000 + len(stop), answer)),
        (
            now - 42 * MINUTE + 4_000_000,
            frame(STATION, PLC1, 49152, 102, 7000 + len(stop), 9000 + len(answer), b""),
        ),
    )
    pcap = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for time_ns, octets in frames:
        pcap += struct.pack("<IIII", *divmod(time_ns, SECOND), len(octets), len(octets)) + octets
    return pcap


def frame(
    source: Machine,
    destination: Machine,
    source_port: int,
    destination_port: int,
    sequence: int,
    acknowledged: int,
    payload: bytes,
) -> bytes:
    """One Ethernet frame with a TCP segment (RFC 791, RFC 9293); the TCP checksum is left zero."""
    ethernet = bytes.fromhex((destination.mac + source.mac).replace(":", "")) + b"\x08\x00"
    segment = struct.pack(
        ">HHIIBBHHH", source_port, destination_port, sequence, acknowledged, 0x50, 0x18, 8192, 0, 0
    )
    addresses = b"".join(
        bytes(int(part) for part in machine.ip.split(".")) for machine in (source, destination)
    )
    header = (
        struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment) + len(payload), 1, 0x4000, 64, 6, 0) + addresses
    )
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    header = header[:10] + struct.pack(">H", total ^ 0xFFFF) + header[12:]
    return ethernet + header + segment + payload
