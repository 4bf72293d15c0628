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
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.host import Host
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

    def happened(self, target: str, operation: str, text: str, techniques: Iterable[str] = ()) -> None:
        """Note what this host does to another now; call it right before doing it."""
        self.journal.put(Event(time.time_ns(), self.host.key, target, operation, text, tuple(techniques)))


class Network:
    """The namespaces, the bridge, and the programs that run on the hosts."""

    def __init__(self, hosts: Iterable[Host], seed: int) -> None:
        self.hosts = {host.key: host for host in hosts}
        self.seed = seed
        self.journal: Journal = _FORK.Queue()
        self._mark = f"fwlab{os.getpid()}"
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
        switch = self._space(0)
        _ip("netns", "add", switch)
        bridge = ("type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        _ip("-n", switch, "link", "add", "br0", *bridge)
        _ip("-n", switch, "link", "set", "br0", "addrgenmode", "none")
        _ip("-n", switch, "link", "set", "br0", "type", "bridge", "group_fwd_mask", _LLDP_FORWARDED)
        _ip("-n", switch, "link", "set", "br0", "promisc", "on", "up")
        for number, host in enumerate(self.hosts.values(), 1):
            space, port = self._space(number), f"port{number}"
            _ip("netns", "add", space)
            _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("-n", switch, "link", "set", port, "addrgenmode", "none")
            _ip("-n", switch, "link", "set", port, "master", "br0", "up")
            _ip("-n", space, "link", "set", "eth0", "addrgenmode", "none", "address", host.mac)
            _ip("-n", space, "addr", "add", f"{host.ip}/16", "brd", "+", "dev", "eth0")
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "route", "add", "default", "dev", "eth0")
            process = _FORK.Process(target=_without_offloads, args=(space,))
            process.start()
            process.join()

    def run(self, programs: Iterable[tuple[str, Program]], seconds: float, path: Path) -> list[Event]:
        """Run (host key, program) pairs and record for so many seconds; what happened, in order.

        Raises RuntimeError where a program ended with an error.
        """
        start = time.monotonic() + 2.0
        stop = _FORK.Event()
        recorder = _FORK.Process(target=_record_in, args=(self._space(0), path, stop))
        recorder.start()
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
        recorder.join(10)
        self._stop()
        if failed or recorder.exitcode:
            raise RuntimeError(f"these programs failed: {', '.join(failed) or 'the recorder'}")
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
        for number in range(len(self.hosts) + 1):
            subprocess.run(["ip", "netns", "del", self._space(number)], check=False, capture_output=True)

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


def _without_offloads(space: str) -> None:
    """Checksums and segments as on a real wire: nothing is left to a card that is not there."""
    _enter(space)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", b"eth0", ctypes.addressof(value))
            fcntl.ioctl(control, _SIOCETHTOOL, request)


def _record_in(space: str, path: Path, stop: Any) -> None:
    _enter(space)
    record("br0", path, stop.is_set)


def _program_in(space: str, program: Program, context: Context) -> None:
    _enter(space)
    # Stacks greet and complain on standard output; a traceback of ours still comes through.
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    program(context)
