"""A packet socket and what can be asked of it: filter, ring, interface, statistics. Nothing sends.

Numbers are those of <linux/if_packet.h>, <linux/if.h>, <linux/if_arp.h> and <asm-generic/socket.h>.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import socket
import struct
from typing import NamedTuple

from sensor.capture.bpf import DROP_ALL, Program
from sensor.capture.errors import CaptureError
from sensor.capture.ring.fanout import pair_hash
from sensor.capture.ring.settings import Fanout, Settings

SOL_PACKET = 263
ADD_MEMBERSHIP, RX_RING, STATISTICS, VERSION, FANOUT, FANOUT_DATA, IGNORE_OUTGOING = 1, 5, 6, 10, 18, 22, 23
TPACKET_V3 = 2
MEMBERSHIP_PROMISCUOUS = 1
FANOUT_CBPF, FANOUT_IGNORE_OUTGOING = 6, 0x4000
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
ETH_P_ALL = 3
SIOCGIFFLAGS, SIOCGIFINDEX = 0x8913, 0x8933
UP, RUNNING = 0x1, 0x40
LONGEST_NAME = 15

LINKS = {1: 1, 772: 1, 65534: 101, 519: 101, 768: 101, 769: 101, 776: 101}
"""ARPHRD_ of an interface (Ethernet, loopback, none, raw IP, and IP tunnels) to LINKTYPE_."""

NO_PERMISSION = (
    "{name}: live capture takes the capability CAP_NET_RAW: run as root, or let systemd give it "
    "(AmbientCapabilities=CAP_NET_RAW)"
)


class Statistics(NamedTuple):
    """Since they were last asked for: packets that passed the filter, those of them that found the
    ring full, and how often it was full."""

    passed: int
    dropped: int
    freezes: int


class PacketSocket:
    """A socket of the network namespace that this thread is in, which receives nothing until `bind`.

    It is made without a protocol, so that the kernel hands it no packet before it is bound, and
    by then its filter is attached: no packet slips past the filter. Opening takes CAP_NET_RAW;
    nothing that is done with it later does.
    """

    def __init__(self, name: str) -> None:
        if not hasattr(socket, "AF_PACKET"):
            raise CaptureError(f"{name}: this system has no AF_PACKET")
        if not 0 < len(name.encode()) <= LONGEST_NAME:  # the kernel would be asked for its start
            raise CaptureError(f"{name}: an interface's name has 1 to {LONGEST_NAME} bytes")
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            raise CaptureError(NO_PERMISSION.format(name=name)) from None
        except OSError as error:
            raise CaptureError(f"{name}: no packet socket: {error.strerror}") from None

    def fileno(self) -> int:
        """The file descriptor, to poll."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it; a ring must have been unmapped before."""
        self._socket.close()

    def make_ring(self, settings: Settings) -> None:
        """Have the kernel make the ring (struct tpacket_req3), to be mapped; OSError where it refuses."""
        self._socket.setsockopt(SOL_PACKET, VERSION, TPACKET_V3)
        try:
            # In the kernel, frames that go out are not even looked at; without it (before Linux
            # 4.20), `blocks.walk` passes over them.
            self._socket.setsockopt(SOL_PACKET, IGNORE_OUTGOING, int(not settings.outgoing))
        except OSError as error:
            if error.errno != errno.ENOPROTOOPT:
                raise
        frame = 2048  # is asked for, and means nothing in version 3
        request = struct.pack(
            "=7I",
            settings.block_octets,
            settings.blocks,
            frame,
            settings.octets // frame,
            settings.retire_ms,
            0,
            0,
        )
        self._socket.setsockopt(SOL_PACKET, RX_RING, request)

    def attach(self, program: Program | None) -> None:
        """Let only those packets pass that `program` takes; in place of the filter before, at once."""
        if program is None:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
            except OSError as error:
                if error.errno != errno.ENOENT:  # there was none
                    raise
            return
        self._give(program, socket.SOL_SOCKET, SO_ATTACH_FILTER)

    def _give(self, program: Program, level: int, option: int) -> None:
        """Set an option that takes a struct sock_fprog."""
        code = ctypes.create_string_buffer(program.octets, len(program.octets))
        self._socket.setsockopt(
            level, option, struct.pack("HP", len(program.instructions), ctypes.addressof(code))
        )

    def bind(self, name: str, settings: Settings, program: Program | None) -> int:
        """Receive from the interface of this name from now on; its LINKTYPE_.

        Raises CaptureError where it is of a kind that has no meaning here, OSError (ENODEV) where
        there is none. An interface that is down is bound, and gives packets once it is up.
        """
        self.attach(program if settings.fanout is None else DROP_ALL)
        self._socket.bind((name, ETH_P_ALL))
        hardware = self._socket.getsockname()[3]
        if hardware not in LINKS:
            raise CaptureError(f"{name}: an interface of kind {hardware} (ARPHRD_) is not understood")
        if settings.promiscuous:
            # Not a flag of the interface: it ends with this socket, however the process ends.
            membership = struct.pack("=iHH8x", self._index(name), MEMBERSHIP_PROMISCUOUS, 0)
            self._socket.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, membership)
        if settings.fanout is not None:
            self._join(settings.fanout, 0 if settings.outgoing else FANOUT_IGNORE_OUTGOING)
            self.attach(program)  # alone in the group until now, it would have had every packet
        return LINKS[hardware]

    def _index(self, name: str) -> int:
        answer = fcntl.ioctl(self._socket, SIOCGIFINDEX, struct.pack("16s24x", name.encode()))
        return int(struct.unpack_from("=i", answer, 16)[0])

    def _join(self, fanout: Fanout, flags: int) -> None:
        """Share the packets with the other members of the group."""
        kind = fanout.group | FANOUT_CBPF << 16
        try:
            request = struct.pack("=II", kind | flags << 16, fanout.workers)
            self._socket.setsockopt(SOL_PACKET, FANOUT, request)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # Before Linux 5.11 there is no limit of members, nor a group without outgoing frames.
            self._socket.setsockopt(SOL_PACKET, FANOUT, kind)
        self._give(pair_hash(), SOL_PACKET, FANOUT_DATA)

    @property
    def name(self) -> str:
        """What the interface is called now; empty where it is gone."""
        return str(self._socket.getsockname()[0])

    def flags(self, name: str) -> int:
        """IFF_ flags of the interface of this name; 0 where there is none."""
        try:
            answer = fcntl.ioctl(self._socket, SIOCGIFFLAGS, struct.pack("16s24x", name.encode()))
        except OSError:
            return 0
        return int(struct.unpack_from("=H", answer, 16)[0])

    def take_error(self) -> int:
        """The errno that the kernel has noted, once; 0 where there is none."""
        return int(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def take_statistics(self) -> Statistics:
        """struct tpacket_stats_v3; asking sets the kernel's counts back to zero."""
        passed, dropped, freezes = struct.unpack("=3I", self._socket.getsockopt(SOL_PACKET, STATISTICS, 12))
        return Statistics(passed, dropped, freezes)
