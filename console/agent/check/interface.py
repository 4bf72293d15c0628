"""A network card as a mirror port: is it there, is it on, does it hand packets over as they were on the wire.

Flags are those of netdevice(7), ethtool commands those of <linux/ethtool.h>.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from console.agent.check.finding import Finding, advice, bad, good

_SIOCGIFFLAGS, _SIOCGIFMTU, _SIOCGIFADDR, _SIOCGIFHWADDR = 0x8913, 0x8921, 0x8915, 0x8927
_SIOCETHTOOL = 0x8946
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40
_ETHTOOL_GRO, _ETHTOOL_FLAGS = 0x2B, 0x25
_FLAG_LRO = 1 << 15
_USUAL_MTU = 1500


def check_interface(name: str) -> Iterator[Finding]:
    """What can be told without listening."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = _flags(control, name)
        if flags is None:
            there = ", ".join(other for _, other in socket.if_nameindex() if other != "lo") or "none"
            yield bad(f"{name}: there is no such interface", f"name one of these: {there}")
            return
        yield from _check_state(name, flags)
        yield from _check_offloads(control, name)
        mtu = struct.unpack_from("i", _asked(control, _SIOCGIFMTU, name) or bytes(32), 16)[0]
        if mtu < _USUAL_MTU:
            yield advice(
                f"{name}: frames longer than {mtu} octets do not come in",
                f"ip link set {name} mtu {_USUAL_MTU} (9000 where the plant uses jumbo frames)",
            )
        else:
            yield good(f"{name}: frames of up to {mtu} octets come in")
        if _has_address(control, name):
            yield advice(
                f"{name}: has an IP address, so this machine itself speaks there",
                "give a mirror port no address: remove it from the network configuration, and set "
                f"`sysctl net.ipv6.conf.{name}.disable_ipv6=1`",
            )


def _check_state(name: str, flags: int) -> Iterator[Finding]:
    if flags & _IFF_LOOPBACK:
        yield advice(f"{name}: is this machine's loopback, no mirror port", "name the card at the switch")
    elif not flags & _IFF_UP:
        yield bad(f"{name}: is switched off", f"ip link set {name} up promisc on")
    elif not flags & _IFF_RUNNING:
        yield bad(f"{name}: nothing is plugged in at the other end", "check the cable and the switch's port")
    else:
        yield good(f"{name}: is up")


def _check_offloads(control: socket.socket, name: str) -> Iterator[Finding]:
    gro = _ethtool(control, name, _ETHTOOL_GRO)
    flags = _ethtool(control, name, _ETHTOOL_FLAGS)
    merging = [word for word, on in (("gro", bool(gro)), ("lro", bool((flags or 0) & _FLAG_LRO))) if on]
    if merging:
        yield advice(
            f"{name}: the card merges packets before anybody sees them ({', '.join(merging)})",
            f"ethtool -K {name} {' '.join(f'{word} off' for word in merging)}",
        )
    elif gro is None:
        yield good(f"{name}: does not say whether it merges packets; most that do not, do not merge")
    else:
        yield good(f"{name}: hands packets over as they were on the wire")


def own_mac(name: str) -> bytes:
    """The card's address; zeros where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return (_asked(control, _SIOCGIFHWADDR, name) or bytes(32))[18:24]


def _flags(control: socket.socket, name: str) -> int | None:
    found = _asked(control, _SIOCGIFFLAGS, name)
    return None if found is None else struct.unpack_from("H", found, 16)[0]


def _asked(control: socket.socket, request: int, name: str) -> bytes | None:
    try:
        return fcntl.ioctl(control, request, struct.pack("16s16x", name.encode()[:15]))
    except OSError:
        return None


def _ethtool(control: socket.socket, name: str, command: int) -> int | None:
    value = ctypes.create_string_buffer(struct.pack("II", command, 0))
    try:
        fcntl.ioctl(control, _SIOCETHTOOL, struct.pack("16sP", name.encode()[:15], ctypes.addressof(value)))
    except OSError:
        return None
    return struct.unpack("II", value.raw[:8])[1]


def _has_address(control: socket.socket, name: str) -> bool:
    if _asked(control, _SIOCGIFADDR, name) is not None:
        return True
    try:
        lines = Path("/proc/thread-self/net/if_inet6").read_text().splitlines()
    except OSError:
        return False
    return any(line.split()[-1] == name for line in lines)
