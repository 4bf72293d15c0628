"""A sensor's mirror port in miniature: network namespaces joined by veth pairs, gone when the test ends.

`plant_link` makes the namespaces "sensor" and "wire". What is sent into `wire0` on the side "wire"
arrives at `cap0` on the side "sensor" and nowhere else; neither interface has an address, nor does
the kernel send anything of its own there. With `uplink` a third namespace, "console", is joined to
"sensor" by a pair that has IPv4 addresses.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CLONE_NEWNET = 0x40000000
CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN = 12, 13, 21
SIOCETHTOOL = 0x8946
# Set checksum, scatter-gather, TCP and generic segmentation offload and generic receive offload.
OFFLOADS = (0x17, 0x19, 0x1F, 0x24, 0x2C)
LARGEST_MTU = 65535
"""Some captures hold segments that a network card was still to cut."""
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33

SENSOR_IP, CONSOLE_IP = "192.0.2.2", "192.0.2.1"
NOBODY = "02:00:00:ff:ff:ff"


class PlantLink:
    """Namespaces by side: "sensor" and "wire", and "console" where there is an uplink."""

    def __init__(self, interfaces: int, uplink: bool) -> None:
        mark = f"fw{secrets.token_hex(4)}"
        sides = ["sensor", "wire"] + (["console"] if uplink else [])
        self._spaces = {side: f"{mark}-{side}" for side in sides}
        self._started: list[subprocess.Popen[bytes]] = []
        self.uplink = uplink
        self.interfaces = [f"cap{number}" for number in range(interfaces)]
        """On the side "sensor"."""
        self.wires = [f"wire{number}" for number in range(interfaces)]
        """Their other ends, on the side "wire"."""
        self.interface, self.wire = self.interfaces[0], self.wires[0]

    def build(self) -> None:
        """Make everything."""
        for space in self._spaces.values():
            _run(["ip", "netns", "add", space])
        for side in self._spaces:
            self.ip(side, "link", "set", "lo", "up")
        for number in range(len(self.interfaces)):
            self.connect(number)
        if self.uplink:
            self.ip("sensor", "link", "add", "uplink0", "type", "veth", "peer", "name", "down0")
            self.ip("sensor", "link", "set", "down0", "netns", self._spaces["console"])
            for side, name, address in (("sensor", "uplink0", SENSOR_IP), ("console", "down0", CONSOLE_IP)):
                self.ip(side, "addr", "add", f"{address}/24", "dev", name)
                self.ip(side, "link", "set", name, "up")

    def connect(self, number: int = 0) -> None:
        """Make the pair capN and wireN and switch it on; where it was removed, again."""
        cap, wire = self.interfaces[number], self.wires[number]
        self.ip("sensor", "link", "add", cap, "type", "veth", "peer", "name", wire)
        self.ip("sensor", "link", "set", wire, "netns", self._spaces["wire"])
        for side, name in (("sensor", cap), ("wire", wire)):
            self.ip(side, "link", "set", name, "addrgenmode", "none", "mtu", str(LARGEST_MTU))
            with self.enter(side):
                without_offloads(name)
        for side, name in (("sensor", cap), ("wire", wire)):
            self.ip(side, "link", "set", name, "up")

    def remove(self) -> None:
        """End what was started and remove the namespaces with all that is in them."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for space in self._spaces.values():
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)

    def ip(self, side: str, *words: str) -> None:
        """`ip WORDS` in a namespace; RuntimeError with what it said where it fails."""
        _run(["ip", "-n", self._spaces[side], *words])

    def command(self, argv: Sequence[str], side: str) -> list[str]:
        """The command line that runs `argv` in a namespace, as the process that it starts."""
        return ["ip", "netns", "exec", self._spaces[side], *argv]

    def run(self, argv: Sequence[str], side: str, timeout: float = 60) -> str:
        """Run a program to its end; its standard output. RuntimeError with its errors where it fails."""
        return _run(self.command(argv, side), timeout)

    def start(self, argv: Sequence[str], side: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a program; it is killed when the link goes, unless it has ended by then."""
        process = subprocess.Popen(self.command(argv, side), **options)
        self._started.append(process)
        return process

    @contextmanager
    def enter(self, side: str) -> Iterator[None]:
        """This thread in a namespace: sockets opened inside belong to it for good."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            inside = os.open(f"/run/netns/{self._spaces[side]}", os.O_RDONLY)
            try:
                _set_namespace(inside)
            finally:
                os.close(inside)
            try:
                yield
            finally:
                _set_namespace(before)
        finally:
            os.close(before)

    def socket(self, side: str, interface: str) -> socket.socket:
        """A raw packet socket on an interface that takes whole Ethernet frames and gives them."""
        with self.enter(side):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        opened.bind((interface, ETH_P_ALL))
        return opened

    def send(self, frames: Iterable[bytes], number: int = 0) -> int:
        """Send Ethernet frames into wireN, as fast as that goes; how many."""
        sent = 0
        with self.socket("wire", self.wires[number]) as out:
            for frame in frames:
                out.send(frame)
                sent += 1
        return sent

    def replay(self, path: Path, *options: str, number: int = 0, timeout: float = 120) -> str:
        """`tcpreplay OPTIONS` of a capture into wireN; what it printed."""
        return self.run(["tcpreplay", "-i", self.wires[number], *options, str(path)], "wire", timeout)

    def cut(self) -> None:
        """From now on nothing that is sent over the uplink arrives, and nobody is told."""
        for side, name, other in (("sensor", "uplink0", CONSOLE_IP), ("console", "down0", SENSOR_IP)):
            self.ip(side, "neigh", "replace", other, "lladdr", NOBODY, "nud", "permanent", "dev", name)

    def mend(self) -> None:
        """Undo `cut`."""
        for side, name, other in (("sensor", "uplink0", CONSOLE_IP), ("console", "down0", SENSOR_IP)):
            self.ip(side, "neigh", "del", other, "dev", name)


@contextmanager
def plant_link(interfaces: int = 1, uplink: bool = False) -> Iterator[PlantLink]:
    """Namespaces as the module's text says; skips the test where they are not permitted."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    link = PlantLink(interfaces, uplink)
    try:
        link.build()
        yield link
    finally:
        link.remove()


def why_not() -> str:
    """Why namespaces cannot be made here; empty where they can."""
    status = Path("/proc/self/status")
    if not status.exists():
        return "network namespaces are a thing of Linux"
    effective = int(next(line for line in status.read_text().splitlines() if "CapEff" in line).split()[1], 16)
    for bit, name in ((CAP_NET_ADMIN, "NET_ADMIN"), (CAP_NET_RAW, "NET_RAW"), (CAP_SYS_ADMIN, "SYS_ADMIN")):
        if not effective >> bit & 1:
            return f"making network namespaces takes CAP_{name}"
    return ""


def without_offloads(interface: str) -> None:
    """Checksums and segments as on a real wire: nothing is left to a card that is not there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            fcntl.ioctl(
                control, SIOCETHTOOL, struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            )


def wait_until(condition: Any, seconds: float = 10) -> None:
    """Call `condition` until it is true; AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


def _run(argv: Sequence[str], timeout: float = 60) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _set_namespace(handle: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")
