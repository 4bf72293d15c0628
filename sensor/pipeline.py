"""Packets in, messages out: runs the kernels over batches and survives what they stumble on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sensor.capacity import STANDARD, Capacity
from sensor.capture.batch import PacketBatch
from sensor.messages import (
    DROPPED_DETAILS,
    DROPPED_PARTS,
    DROPPED_VALUES,
    FAULT,
    FRAME,
    MALFORMED,
    MESSAGES,
    PDU_START,
    Buffers,
    Out,
    add_message,
    begin_pdu,
    empty,
    is_full,
    new_out,
    new_scratch,
)
from sensor.pairing import EVICTED as REQUESTS_EVICTED
from sensor.protocols.registry import MODULES, decoder_of
from sensor.selecting import EVICTED as SELECTIONS_EVICTED
from sensor.selecting import mark, new_selections
from sensor.strings import REFUSED as STRINGS_REFUSED
from sensor.types import Bytes, Flags, Ints, Rows
from sensor.wire import packet as packets
from sensor.wire import streams
from sensor.wire.dissection import dissect
from sensor.wire.endpoints import OVERFLOWED, new_endpoints
from sensor.wire.follow import DRAIN, NEED_BLOCKS, NEED_STREAMS, evict, finish, follow, relieve
from sensor.wire.fragments import GIVEN_UP
from sensor.wire.frames import FRAMES_DROPPED, FRAMES_USED, Wire

ASSEMBLED = 1 << 23
"""Octets for datagrams and PDUs put together in one step; a half is kept for each."""
FRAMES = 1 << 16

KERNEL_FAULTS = (IndexError, ZeroDivisionError, OverflowError, ValueError)
"""What a kernel can raise on data that its author did not think of."""


@dataclass
class Faults:
    """Defects of our own kernels that the pipeline survived: how many, and the first of each kind."""

    total: int = 0
    first: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, packet: int, error: Exception) -> None:
        """Count one, and remember the first that happened at this place."""
        self.total += 1
        self.first.setdefault(where, f"packet {packet}: {type(error).__name__}: {error}")


class Pipeline:
    """Capture to messages, with all its state. Feed batches in capture order, then `finish`."""

    def __init__(self, want_details: bool = False, capacity: Capacity = STANDARD) -> None:
        self.out: Out = new_out(want_details=want_details)
        self.wire = Wire(
            new_endpoints(capacity.endpoints),
            streams.new_streams(capacity.streams, capacity.blocks),
            np.zeros(ASSEMBLED, np.uint8),
            np.zeros(1, np.int64),
            np.zeros(FRAMES, FRAME),
            np.zeros(2, np.int64),
        )
        self.faults = Faults()
        self.undecoded: Counter[int] = Counter()
        self.reassembly_evictions = 0
        self._selections = new_selections()
        self._dissector = packets.new_dissector()
        self._packets = np.zeros(0, packets.PACKET)
        self._scratch = new_scratch()
        self._states: dict[int, Any] = {}
        self._nothing: Bytes = np.zeros(1, np.uint8)

    def feed(self, batch: PacketBatch) -> Iterator[Buffers]:
        """Take a batch. Yields whenever there are messages in `out`; they are gone when it goes on.

        What is yielded are the bytes that the messages and their details point into.
        """
        if len(self._packets) < len(batch.records):
            self._packets = np.zeros(len(batch.records), packets.PACKET)
        cursor = np.zeros(2, np.int64)
        half = self.wire.assembled[: ASSEMBLED // 2]
        while cursor[0] < len(batch.records):
            start = int(cursor[0])
            self.wire.fill[0] = 0
            try:
                dissect(
                    batch.data,
                    batch.records,
                    batch.first,
                    cursor,
                    self._packets,
                    self._dissector,
                    half,
                    self.wire.fill,
                )
            except KERNEL_FAULTS as error:
                faulty = int(cursor[0]) - 1
                self._packets[faulty]["layer"] = packets.IGNORED
                self.faults.add("dissect", batch.first + faulty, error)
            yield from self._follow(batch.data, start, int(cursor[0]))

    def finish(self) -> Iterator[Buffers]:
        """Close all conversations: what waited for missing segments is used, unanswered calls told."""
        cursor = np.zeros(2, np.int64)
        self.wire.fill[0] = 0
        while cursor[0] < len(self.wire.streams.rows):
            try:
                finish(self.wire, cursor)
            except KERNEL_FAULTS as error:
                self.faults.add("finish", 0, error)
            yield from self._decode(self._nothing)
            self.wire.fill[0] = 0

    def _follow(self, data: Bytes, start: int, limit: int) -> Iterator[Buffers]:
        cursor = np.array([start, 0], np.int64)
        floor = int(self.wire.fill[0])
        while cursor[0] < limit:
            try:
                follow(self.wire, data, self._packets, limit, cursor)
            except KERNEL_FAULTS as error:
                self.faults.add("follow", int(self._packets[cursor[0] - 1]["number"]), error)
                continue
            if cursor[1] == DRAIN:
                yield from self._decode(data)
                self.wire.fill[0] = floor
            elif cursor[1] == NEED_STREAMS:
                yield from self._decode(data)  # what is evicted makes frames that need room
                self.wire.fill[0] = floor
                try:
                    evict(self.wire, self._age_of_quarter(self._inhabited()))
                except KERNEL_FAULTS as error:
                    self.faults.add("evict", 0, error)
            elif cursor[1] == NEED_BLOCKS:
                self.reassembly_evictions += 1
                relieve(self.wire, self._age_of_quarter(self._waiting()))
        yield from self._decode(data)
        self.wire.fill[0] = 0

    def _inhabited(self) -> Flags:
        return self.wire.streams.rows["number"] >= 0

    def _waiting(self) -> Flags:
        """Which conversations keep octets until more come."""
        sides = self.wire.streams.sides
        held = (sides["carry_length"] > 0) | (sides["ahead"] >= 0)
        return self._inhabited() & (held[0::2] | held[1::2])

    def _age_of_quarter(self, chosen: Flags) -> int:
        """The time before which the quarter of the chosen conversations fell silent that did so first."""
        times = self.wire.streams.rows["last_ns"][chosen]
        return int(np.partition(times, len(times) // 4)[len(times) // 4])

    def _decode(self, data: Bytes) -> Iterator[Buffers]:
        """Decode the frames that wait, protocol by protocol."""
        used = int(self.wire.frames_used[FRAMES_USED])
        frames: Rows = self.wire.frames[:used]
        buffers = Buffers(data, self.wire.assembled, self._scratch)
        for protocol in np.flatnonzero(np.bincount(frames["protocol"])) if used else ():
            rows = np.flatnonzero(frames["protocol"] == protocol)
            yield from self._decode_rows(int(protocol), frames, rows, buffers)
        self.wire.frames_used[FRAMES_USED] = 0
        if self.out.used[MESSAGES]:
            yield from self._hand_on(buffers)

    def _hand_on(self, buffers: Buffers) -> Iterator[Buffers]:
        mark(self._selections, self.out.messages, self.out.used[MESSAGES])
        yield buffers
        empty(self.out)

    def _decode_rows(self, protocol: int, frames: Rows, rows: Ints, buffers: Buffers) -> Iterator[Buffers]:
        module = decoder_of(protocol)
        if module is None:
            self.undecoded[protocol] += len(rows)
            return
        state = self._states.get(id(module))
        if state is None:
            state = self._states[id(module)] = module.new_state()
        cursor = np.zeros(1, np.int64)
        while cursor[0] < len(rows):
            if is_full(self.out):
                yield from self._hand_on(buffers)
            try:
                module.decode(buffers, frames, rows, cursor, state, self.out)
            except KERNEL_FAULTS as error:
                frame = frames[rows[cursor[0] - 1]]
                self.faults.add(module.__name__, int(frame["packet"]), error)
                self._mark_fault(protocol, frame)

    def _mark_fault(self, protocol: int, frame: np.void) -> None:
        """Keep the envelope of the PDU that a kernel failed on, flagged as our fault."""
        first = int(self.out.used[PDU_START])
        if self.out.used[MESSAGES] == first:
            begin_pdu(self.out)
            index = add_message(self.out, frame, protocol, 0)
            self.out.messages[index]["buffer"] = frame["buffer"]
        self.out.messages["flags"][first : self.out.used[MESSAGES]] |= FAULT | MALFORMED

    @property
    def losses(self) -> dict[str, int]:
        """Every cause for which something that was captured was not used, zeros included."""
        counters = self._dissector.counters
        result = {name: int(counters[index]) for index, name in packets.COUNTER_NAMES.items()}
        used = self.wire.streams.used
        for name, index in (
            ("tcp_gaps", streams.GAPS),
            ("tcp_gap_octets", streams.GAP_OCTETS),
            ("unfinished_pdus", streams.CARRY_DROPPED),
            ("early_segments", streams.PIECES_DROPPED),
            ("unframed_octets", streams.UNFRAMED_OCTETS),
            ("streams_evicted", streams.EVICTED),
        ):
            result[name] = int(used[index])
        result["ip_datagrams_incomplete"] = int(self._dissector.fragments.used[GIVEN_UP])
        result["endpoints_not_kept"] = int(self.wire.endpoints.used[OVERFLOWED])
        result["pdus_not_kept"] = int(self.wire.frames_used[FRAMES_DROPPED])
        result["reassembly_evictions"] = self.reassembly_evictions
        result["selections_evicted"] = int(self._selections.used[SELECTIONS_EVICTED])
        result["requests_evicted"] = int(self.out.pairs.used[REQUESTS_EVICTED])
        for module in MODULES:
            state = self._states.get(id(module))
            for name, index in getattr(module, "LOSSES", {}).items():
                result[name] = result.get(name, 0) + (int(state.used[index]) if state else 0)
        result["objects_not_kept"] = int(self.out.used[DROPPED_PARTS])
        result["values_not_kept"] = int(self.out.used[DROPPED_VALUES])
        result["details_not_kept"] = int(self.out.used[DROPPED_DETAILS])
        result["names_not_kept"] = int(self.out.strings.used[STRINGS_REFUSED])
        result["kernel_faults"] = self.faults.total
        return result

    @property
    def understood(self) -> tuple[int, int]:
        """Octets of conversations that are or should be OT, and those in PDUs that were framed."""
        used = self.wire.streams.used
        return int(used[streams.OT_OCTETS]), int(used[streams.OT_UNDERSTOOD])

    @property
    def understood_by_protocol(self) -> dict[int, tuple[int, int]]:
        """By protocol number the octets of its TCP conversations, and those in PDUs that were framed."""
        counted = self.wire.streams.by_protocol
        return {
            int(number): (int(counted[number, streams.CARRIED]), int(counted[number, streams.UNDERSTOOD]))
            for number in np.flatnonzero(counted[:, streams.CARRIED])
            if number
        }
