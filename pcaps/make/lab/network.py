"""Hosts as network namespaces on one bridge, which exist as long as a `Network` is entered.

Needs root and iproute2. Nothing is connected to the machine's own networks: bridge and hosts live
in namespaces of their own, and go with them.
"""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.cable import carry
from lab.host import PLANT, Host
from lab.recording import record
from lab.truth import Event, Journal

_CLONE_NEWNET = 0x40000000
_SIOCETHTOOL = 0x8946
_OFFLOADS = (0x17, 0x1F, 0x24)  # transmit checksum, TCP and generic segmentation
_LLDP_FORWARDED = "0x4000"
_FORK = multiprocessing.get_context("fork")

Program = Callable[["Context"], None]


class Context:
    """What a program on a host may use: its host, its own chance, the other hosts, and the journal."""

    def __init__(self, host: Host, hosts: dict[str, Host], seed: int, start: float, journal: Journal) -> None:
        self.host = host
        self.hosts = hosts
        self.random = random.Random(f"{seed}/{host.key}")
        self.journal = journal
        self.start = start

    @property
    def now(self) -> float:
        """Seconds since the start of the recording."""
        return time.monotonic() - self.start

    def ip(self, key: str) -> str:
        """The address of another host."""
        return self.hosts[key].ip

    def wait_until(self, seconds: float) -> None:
        """Sleep until so many seconds after the start of the recording."""
        time.sleep(max(0.0, self.start + seconds - time.monotonic()))

    def every(self, seconds: float, offset: float = 0.0) -> Iterable[int]:
        """Turns of a poll, `seconds` apart with a little jitter, without end."""
        turn = 0
        while True:
            self.wait_until(offset + turn * seconds + self.random.uniform(0, 0.02 * seconds))
            yield turn
            turn += 1

    def happened(
        self,
        target: str,
        operation: str,
        text: str,
        techniques: Iterable[str] = (),
        incident: str = "",
        actor: str = "",
    ) -> None:
        """Note what this host does to another now; call it right before doing it.

        Acts of one incident name the same `incident`. `actor` is the address it is done from, where
        that is not the host's first.
        """
        event = Event(
            time.time_ns(), actor or self.host.key, target, operation, text, tuple(techniques), incident
        )
        self.journal.put(event)


class Network:
    """The namespaces, the bridge, and the programs that run on the hosts."""

    def __init__(self, hosts: Iterable[Host], seed: int) -> None:
        self.hosts = {host.key: host for host in hosts}
        self.seed = seed
        self.journal: Journal = _FORK.Queue()
        self._mark = f"fwlab{os.getpid()}"
        self._spaces: list[str] = []
        self._cables: list[tuple[str, Host]] = []
        self._processes: list[Any] = []

    def _space(self, number: int) -> str:
        return f"{self._mark}-{number}"

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def _build(self) -> None:
        switch = self._make_space(self._space(0))
        segments = {leg.segment for host in self.hosts.values() for leg in host.legs}
        segments |= {host.segment for host in self.hosts.values()}
        bridges = {name: f"br{n}" for n, name in enumerate(sorted(segments, key=lambda s: (s != PLANT, s)))}
        for bridge in bridges.values():
            kind = ("type", "bridge", "stp_state", "0", "mcast_snooping", "0")
            _ip("-n", switch, "link", "add", bridge, *kind)
            _ip("-n", switch, "link", "set", bridge, "addrgenmode", "none")
            _ip("-n", switch, "link", "set", bridge, "type", "bridge", "group_fwd_mask", _LLDP_FORWARDED)
            _ip("-n", switch, "link", "set", bridge, "promisc", "on", "up")
        for number, host in enumerate(self.hosts.values(), 1):
            space = self._make_space(self._space(number))
            _ip("-n", space, "link", "set", "lo", "up")
            self._connect(host, space, number, "eth0", bridges[host.segment], host.mac, host.ip, host.ip6)
            for leg_number, leg in enumerate(host.legs, 1):
                name = f"eth{leg_number}"
                self._connect(host, space, number, name, bridges[leg.segment], leg.mac, leg.ip, leg.ip6)
            if host.legs:
                _in_space(space, _forward_packets)
            default = ("via", host.via) if host.via else ("dev", "eth0")
            _ip("-n", space, "route", "add", "default", *default)

    def _make_space(self, name: str) -> str:
        _ip("netns", "add", name)
        self._spaces.append(name)
        return name

    def _connect(
        self, host: Host, space: str, number: int, card: str, bridge: str, mac: str, ip: str, ip6: str
    ) -> None:
        switch, port = self._space(0), f"p{number}{card}"
        _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", card, "netns", space)
        if host.cable and card == "eth0":
            # In place of a straight wire, two that a program carries frames between.
            cable = self._make_space(f"{space}c")
            _ip("-n", space, "link", "del", card)
            _ip("-n", space, "link", "add", card, "type", "veth", "peer", "name", "near", "netns", cable)
            _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "far", "netns", cable)
            for end in ("near", "far"):
                _ip("-n", cable, "link", "set", end, "addrgenmode", "none")
                _ip("-n", cable, "link", "set", end, "up")
                _in_space(cable, _drop_offloads, end)
            self._cables.append((cable, host))
        _ip("-n", switch, "link", "set", port, "addrgenmode", "none")
        _ip("-n", switch, "link", "set", port, "master", bridge, "up")
        _ip("-n", space, "link", "set", card, "addrgenmode", "eui64" if ip6 else "none", "address", mac)
        _ip("-n", space, "addr", "add", f"{ip}/{host.prefix}", "brd", "+", "dev", card)
        if ip6:
            _ip("-n", space, "-6", "addr", "add", f"{ip6}/64", "dev", card, "nodad")
        _ip("-n", space, "link", "set", card, "up")
        _in_space(space, _drop_offloads, card)

    def run(self, programs: Iterable[tuple[str, Program]], seconds: float, path: Path) -> list[Event]:
        """Run (host key, program) pairs and record for so many seconds; what happened, in order.

        Complains of programs that ended with an error. Raises RuntimeError where the recorder did.
        """
        begun, stop = _FORK.Event(), _FORK.Event()
        recorder = _FORK.Process(target=_record_in, args=(self._space(0), path, begun, stop))
        recorder.start()
        if not begun.wait(120):
            raise RuntimeError("the recorder did not begin")
        start = time.monotonic() + 2.0
        for space, host in self._cables:
            process = _FORK.Process(target=_carry_in, args=(space, host, self.seed))
            process.start()
            self._processes.append(process)
        numbers = {key: number for number, key in enumerate(self.hosts, 1)}
        for key, program in programs:
            context = Context(self.hosts[key], self.hosts, self.seed, start, self.journal)
            process = _FORK.Process(
                target=_program_in, name=key, args=(self._space(numbers[key]), program, context)
            )
            process.start()
            self._processes.append(process)
        time.sleep(max(0.0, start + seconds - time.monotonic()))
        failed = [process.name for process in self._processes if process.exitcode]
        stop.set()
        recorder.join(120)
        self._stop()
        if recorder.exitcode:
            raise RuntimeError("the recorder failed")
        if failed:
            sys.stderr.write(f"{path.name}: these programs failed: {', '.join(failed)}\n")
        events = []
        while not self.journal.empty():
            events.append(self.journal.get())
        return sorted(events)

    def _stop(self) -> None:
        for process in self._processes:
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
        for process in self._processes:
            process.join(5)
        self._processes.clear()

    def _remove(self) -> None:
        for space in self._spaces:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _enter(space: str) -> None:
    with open(f"/run/netns/{space}", "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter namespace {space}")


def _in_space(space: str, action: Callable[..., None], *arguments: str) -> None:
    process = _FORK.Process(target=_entered, args=(space, action, arguments))
    process.start()
    process.join()


def _entered(space: str, action: Callable[..., None], arguments: tuple[str, ...]) -> None:
    _enter(space)
    action(*arguments)


def _drop_offloads(card: str) -> None:
    """Checksums and segments as on a real wire: nothing is left to a card that is not there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", card.encode(), ctypes.addressof(value))
            fcntl.ioctl(control, _SIOCETHTOOL, request)


def _forward_packets() -> None:
    settings = Path("/proc/sys/net")
    for version in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        (settings / version).write_text("1", encoding="ascii")
    for card in (settings / "ipv4/conf").iterdir():
        (card / "send_redirects").write_text("0", encoding="ascii")


def _carry_in(space: str, host: Host, seed: int) -> None:
    _enter(space)
    assert host.cable is not None
    carry("near", "far", host.cable, f"{seed}/{host.key}/cable")


def _record_in(space: str, path: Path, begun: Any, stop: Any) -> None:
    _enter(space)
    record("br0", path, begun.set, stop.is_set)


def _program_in(space: str, program: Program, context: Context) -> None:
    _enter(space)
    # Stacks greet and complain on standard output; a traceback of ours still comes through.
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    program(context)
