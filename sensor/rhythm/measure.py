"""Measures every message: its channel's interval and volume, and what became of what was asked.

The kernel compares as it counts, with limits that were learned (`shortest_allowed_ns` …) and with the
row's own past, and notes what stands out as a FINDING. A finding that grows is told again when it has
doubled; so a flood makes a dozen, not a million.

A channel is timed by its anchor, one of the objects that it names: a loop that reads forty blocks and
then rests has one interval, from a block to the same block, where its messages have forty. An anchor
that does not come any more gives way to another. Intervals across a reconnection, or across a place
where octets were not captured, are not counted. What is a request, an answer, and an answer that is
awaited is the protocol's own knowledge (`pairing.ask`, `pairing.answer`).
"""

from __future__ import annotations

import numpy as np

from sensor.hashtable import EVICTED, FREE
from sensor.kernel import kernel
from sensor.messages import FAULT, MALFORMED, MESSAGES, Buffers, Kind, Operation, Out
from sensor.protocols.protocol import Number
from sensor.protocols.registry import PROTOCOLS
from sensor.protocols.transport import (
    ABORTED,
    ACCEPTED,
    DATAGRAMS_ANSWERED,
    JOINED,
    REFUSED,
)
from sensor.protocols.transport import UNANSWERED as CALL_UNANSWERED
from sensor.rhythm.table import (
    BINS,
    CHANNEL,
    FINDING,
    FINDINGS,
    FIRST_BIN_BITS,
    INTERVAL,
    NOT_TOLD,
    ORPHAN,
    PAIR,
    RATE,
    SINCE_NS,
    TARGET,
    UNANSWERED,
    VOLUME,
    Rhythms,
    find_row,
    hash_of,
    make_room,
    new_rhythms,
    pack,
    pack_kinds,
    row_of,
)
from sensor.types import Int, Ints, Record, Rows

FIRST_OT = min(int(number) for number, protocol in PROTOCOLS.items() if protocol.ot)

ROWS_PER_MESSAGE = 3
SECOND_NS = 1_000_000_000
SPAN_NS = 300 * SECOND_NS
"""Over so long answers are weighed against requests."""

FIRST_RATE = 50
"""So many messages in a minute are the first that a rule may ask for."""
USUAL_NS = 60 * SECOND_NS
"""After watching for so long, what did not happen was not usual."""
FIRST_WAITING = 3
SECOND_WAITING = 8
PATIENCE_NS = 5 * SECOND_NS
"""A server that answers later than this is told of once it has left enough requests unanswered."""
LEAST_ASKED = 9
"""Fewer requests in a span say nothing about the share that is answered."""
CLEAN_ANSWERS = 3
"""After so many answers in a row, a stream whose beginning was not seen is known well enough."""
HABIT = 8
"""A function that leaves more than one in so many answers without a request does so by habit."""
MOST_INTERVALS = 1 << 20
OFF_IN_A_ROW = 8
OFF_NS = 30 * SECOND_NS
"""An interval has changed when so many in a row are off, for so long: programs that start read a lot."""
REPEAT_NS = 50_000
"""The same question sooner than this is a copy that a mirror port made."""


@kernel
def _note(table: Rhythms, place: Int, message: Record, what: Int, number: Int, usual: Int) -> None:
    index = table.used[FINDINGS]
    if index >= table.findings.shape[0]:
        table.used[NOT_TOLD] += 1
        return
    table.used[FINDINGS] = index + 1
    row = table.rows[place]
    found = table.findings[index]
    found["time_ns"] = message["time_ns"]
    found["packet"] = message["packet"]
    found["ends"] = row["ends"]
    found["port_unit"] = row["port_unit"]
    found["functions"] = row["functions"]
    found["kinds"] = row["kinds"]
    found["first_ns"] = row["first_ns"]
    found["first_packet"] = row["first_packet"]
    found["number"] = number
    found["usual"] = usual
    found["interval_ns"] = row["interval_ns"]
    found["answered"] = row["answered"]
    found["client_port"] = row["client_port"]
    found["vlan"] = row["vlan"]
    found["place"] = place
    found["what"] = what


@kernel
def _count(table: Rhythms, place: Int, message: Record) -> None:
    """Count a message in its second, ten seconds and minute; whatever is late counts now."""
    row = table.rows[place]
    second = message["time_ns"] // SECOND_NS
    before = row["second"]
    if second > before:
        row["most_second"] = max(row["most_second"], row["in_second"])
        row["in_second"] = 0
        if second // 10 > before // 10:
            row["most_ten"] = max(row["most_ten"], row["in_ten"])
            row["in_ten"] = 0
            if second // 60 > before // 60:
                if row["in_minute"] <= row["most_minute_allowed"]:
                    row["next_volume"] = 0
                if row["in_minute"] * 4 < row["next_rate"]:
                    row["next_rate"] //= 2
                row["most_minute"] = max(row["most_minute"], row["last_minute"])
                if second // 60 - before // 60 == 1:
                    row["last_minute"] = row["in_minute"]
                else:
                    row["most_minute"] = max(row["most_minute"], row["in_minute"])
                    row["last_minute"] = 0
                row["in_minute"] = row["votes"] = 0
        row["second"] = second
    elif second < before - 3600:
        row["second"] = second  # the clock was set back
        row["in_second"] = row["in_ten"] = row["in_minute"] = row["last_minute"] = row["votes"] = 0
    row["messages"] += 1
    row["packet"] = message["packet"]
    row["octets"] += message["length"]
    row["in_second"] += 1
    row["in_ten"] += 1
    row["in_minute"] += 1


@kernel
def _check_volume(table: Rhythms, place: Int, message: Record) -> None:
    row = table.rows[place]
    if row["most_ten_allowed"] <= 0:
        return
    if row["in_ten"] > row["most_ten_allowed"] and row["in_ten"] >= row["next_volume"]:
        row["next_volume"] = 2 * row["in_ten"]
        _note(table, place, message, VOLUME, np.int64(row["in_ten"]), np.int64(10))
    elif row["in_minute"] > row["most_minute_allowed"] and row["in_minute"] >= row["next_volume"]:
        row["next_volume"] = 2 * row["in_minute"]
        _note(table, place, message, VOLUME, np.int64(row["in_minute"]), np.int64(60))


@kernel
def _check_rate(table: Rhythms, place: Int, message: Record) -> None:
    """Note each doubling of the messages in the last minute, and who sent most of them.

    The minute before this one counts as spread evenly, so that no flood hides between two minutes.
    """
    row = table.rows[place]
    if message["client"] == row["majority"]:
        row["votes"] += 1
    elif row["votes"] <= 0:
        row["majority"], row["votes"] = message["client"], 1
    else:
        row["votes"] -= 1
    rate = row["in_minute"] + row["last_minute"] * (60 - row["second"] % 60) // 60
    if rate >= max(row["next_rate"], FIRST_RATE):
        row["next_rate"] = 2 * rate
        usual = np.int64(row["most_minute"])
        if message["time_ns"] - table.used[SINCE_NS] < USUAL_NS:
            usual = np.int64(-1)
        index = table.used[FINDINGS]
        _note(table, place, message, RATE, np.int64(rate), usual)
        if row["kinds"] >> 48 == TARGET and index < table.used[FINDINGS]:
            if row["votes"] * 2 >= row["in_minute"]:
                table.findings[index]["ends"] = pack(row["majority"], row["ends"])


@kernel
def bin_of(interval_ns: Int) -> Int:
    """The bin of an interval, by its highest bit and the one below."""
    rest = interval_ns >> FIRST_BIN_BITS
    if rest == 0:
        return np.int64(0)
    bits = np.int64(0)
    for shift in (32, 16, 8, 4, 2, 1):
        if rest >> shift:
            rest >>= shift
            bits += shift
    half = interval_ns >> (FIRST_BIN_BITS - 1 + bits) & 1
    return min(1 + 2 * bits + half, np.int64(BINS - 1))


@kernel
def _keep(table: Rhythms, place: Int, interval: Int) -> None:
    bins = table.intervals[place]
    row = bins[bin_of(interval)]
    row["count"] += 1
    row["sum"] += interval * 1e-9
    if row["count"] >= MOST_INTERVALS:
        for index in range(BINS):
            bins[index]["count"] //= 2
            bins[index]["sum"] *= 0.5


@kernel
def _time(table: Rhythms, place: Int, message: Record) -> None:
    """The interval of a channel, if this message is about its anchor."""
    row = table.rows[place]
    now = message["time_ns"]
    said = message["address"] ^ pack(message["count"], message["name"]) ^ np.int64(message["space"]) << 48
    if row["messages"] > 1 and now > row["last_ns"]:
        row["longest_ns"] = max(row["longest_ns"], now - row["last_ns"])
    row["last_ns"] = now
    row["since_anchor"] += 1
    if said != row["anchor"]:
        if row["messages"] > 1 and row["since_anchor"] <= 4 * row["cycle"] + 64:
            return
        row["anchor"], row["cycle"] = said, 0
    else:
        interval = now - row["anchor_ns"]
        if 0 <= interval < REPEAT_NS:
            return
        row["cycle"] = row["since_anchor"]
        before = row["interval_ns"]
        # What was not captured makes intervals longer, never shorter.
        whole = row["anchor_gaps"] == message["gaps"] or interval <= before + before // 2
        if interval > 0 and row["anchor_stream"] == message["stream"]:
            row["interval_ns"] = interval
        else:
            whole = False
        if whole:
            _keep(table, place, interval)
            if row["longest_allowed_ns"] > 0:
                if row["shortest_allowed_ns"] <= interval <= row["longest_allowed_ns"]:
                    row["off"] = 0
                    row["next_off"] = OFF_IN_A_ROW
                else:
                    if row["off"] == 0:
                        row["off_ns"] = row["anchor_ns"]
                    row["off"] += 1
                    if row["off"] >= max(row["next_off"], OFF_IN_A_ROW) and now - row["off_ns"] >= OFF_NS:
                        row["next_off"] = row["off"] * 8
                        _note(table, place, message, INTERVAL, np.int64(row["off"]), np.int64(-1))
    row["since_anchor"] = 0
    row["anchor_ns"] = now
    row["anchor_stream"] = message["stream"]
    row["anchor_gaps"] = message["gaps"]


@kernel
def _wait(table: Rhythms, place: Int, message: Record, dead_is_news: bool) -> None:
    """One more request, or call, without an answer so far."""
    row = table.rows[place]
    if row["waiting"] == 0:
        row["waiting_ns"] = message["time_ns"]
        row["next_waiting"] = FIRST_WAITING
    row["waiting"] += 1
    if (
        row["waiting"] >= row["next_waiting"]
        and message["time_ns"] - row["waiting_ns"] >= PATIENCE_NS
        and (row["answered"] > 0 or dead_is_news)
    ):
        row["next_waiting"] = max(2 * row["waiting"], SECOND_WAITING)
        _note(table, place, message, UNANSWERED, np.int64(row["waiting"]), np.int64(-1))


@kernel
def _new_span(table: Rhythms, place: Int, message: Record) -> None:
    """At the end of five minutes: were most requests left unanswered, though some were answered?"""
    row = table.rows[place]
    span = message["time_ns"] // SPAN_NS
    if span == row["span"]:
        return
    if row["asked_in_span"] >= LEAST_ASKED and 0 < row["answered_in_span"] * 3 <= row["asked_in_span"]:
        _note(
            table,
            place,
            message,
            UNANSWERED,
            np.int64(row["asked_in_span"] - row["answered_in_span"]),
            np.int64(-1),
        )
    row["span"] = span
    row["asked_in_span"] = row["answered_in_span"] = 0


@kernel
def _join_stream(row: Record, message: Record) -> None:
    """What was asked or answered in octets that were not captured is not held against anybody."""
    if row["stream"] != message["stream"]:
        row["stream"] = message["stream"]
        row["gaps"] = message["gaps"]
        row["stream_answers"] = row["balance"] = 0
    elif row["gaps"] != message["gaps"]:
        row["gaps"] = message["gaps"]
        row["stream_answers"] = row["balance"] = row["waiting"] = 0
        row["asked_in_span"] = row["answered_in_span"] = 0


@kernel
def _answers(table: Rhythms, channel: Int, place: Int, message: Record) -> None:
    """Requests and answers of a pair."""
    row = table.rows[place]
    row["last_ns"] = message["time_ns"]
    _new_span(table, place, message)
    _join_stream(row, message)
    if message["kind"] == Kind.REQUEST:
        if message["asks"]:
            row["asked"] += 1
            row["asked_in_span"] += 1
            row["balance"] += 1
            _wait(table, place, message, message["transport"] == 17)
        return
    if message["kind"] != Kind.RESPONSE:
        return
    row["answered_in_span"] += 1
    if message["status"] > 0:
        row["exceptions"] += 1
    speaker = table.rows[channel]
    if message["latency_ns"] >= 0:
        row["answered"] += 1
        row["waiting"] = 0
        row["stream_answers"] += 1
        row["balance"] = max(row["balance"] - 1, 0)
        row["latency_ns"] += message["latency_ns"]
        row["latency_most_ns"] = max(row["latency_most_ns"], message["latency_ns"])
        speaker["answered"] += 1
        return
    # More answers than questions, in a conversation that was seen whole, by one who never did so.
    if (
        row["balance"] > 0
        or row["stream_answers"] < CLEAN_ANSWERS
        or speaker["answered"] < HABIT * (1 + speaker["excused"])
    ):
        row["balance"] = max(row["balance"] - 1, 0)
        speaker["excused"] += 1
        return
    speaker["orphans"] += 1
    if speaker["orphans"] >= speaker["next_orphans"]:
        speaker["next_orphans"] = 2 * speaker["orphans"]
        _note(table, channel, message, ORPHAN, np.int64(speaker["orphans"]), np.int64(-1))


@kernel
def _is_bulk(operation: Int) -> bool:
    """Whether many requests at once are what it is made of."""
    return operation in (
        Operation.PROGRAM_DOWNLOAD,
        Operation.PROGRAM_UPLOAD,
        Operation.FIRMWARE,
        Operation.FILE,
        Operation.BROWSE,
    )


@kernel
def _target(table: Rhythms, message: Record, function: Int) -> Int:
    ends = pack(0, message["server"])
    kinds = pack_kinds(
        TARGET, message["protocol"], message["transport"], 0, 0, message["operation"] if function >= 0 else 0
    )
    port_unit, functions = pack(0, -1), pack(function, -1)
    return row_of(
        table, message, hash_of(ends, port_unit, functions, kinds), ends, port_unit, functions, kinds
    )


@kernel
def _transport(table: Rhythms, message: Record) -> None:
    """Calls: how many come to a server in a minute, and whether they are answered."""
    function = np.int64(message["function"])
    if function == ABORTED or function == DATAGRAMS_ANSWERED:
        return
    if function != JOINED:
        place = _target(table, message, function)
        _count(table, place, message)
        table.rows[place]["last_ns"] = message["time_ns"]
        _check_rate(table, place, message)
    if message["protocol"] != Number.TCP:
        return
    ends = pack(message["client"], message["server"])
    port_unit, functions = pack(message["server_port"], -1), pack(-1, -1)
    kinds = pack_kinds(PAIR, message["protocol"], message["transport"], 0, 0, message["operation"])
    digest = hash_of(ends, port_unit, functions, kinds)
    if function == REFUSED or function == CALL_UNANSWERED:
        # Where nobody ever answered, somebody scans, and that is told by others.
        place = find_row(table, digest, ends, port_unit, functions, kinds)
        if place >= 0:
            table.rows[place]["last_ns"] = message["time_ns"]
            _wait(table, place, message, False)
        return
    place = row_of(table, message, digest, ends, port_unit, functions, kinds)
    row = table.rows[place]
    row["last_ns"] = message["time_ns"]
    row["answered"] += 1
    row["waiting"] = 0
    if function == ACCEPTED:
        _count(table, place, message)
        _check_rate(table, place, message)


@kernel
def _ot(table: Rhythms, message: Record) -> None:
    ends = pack(message["client"], message["server"])
    port_unit = pack(message["server_port"], message["unit"])
    functions = pack(message["function"], message["subfunction"])
    kinds = pack_kinds(
        CHANNEL,
        message["protocol"],
        message["transport"],
        message["kind"],
        message["direction"],
        message["operation"],
    )
    channel = row_of(
        table, message, hash_of(ends, port_unit, functions, kinds), ends, port_unit, functions, kinds
    )
    row = table.rows[channel]
    _count(table, channel, message)
    _check_volume(table, channel, message)
    _time(table, channel, message)
    pair = np.int64(row["pair"])
    if pair < 0 or table.hashes[pair] != row["pair_hash"]:
        kinds = pack_kinds(PAIR, message["protocol"], message["transport"], 0, 0, 0)
        functions = pack(-1, -1)
        digest = hash_of(ends, port_unit, functions, kinds)
        pair = row_of(table, message, digest, ends, port_unit, functions, kinds)
        row["pair"], row["pair_hash"] = pair, digest
    _answers(table, channel, pair, message)
    if message["kind"] != Kind.REQUEST or _is_bulk(message["operation"]):
        return
    target = np.int64(row["target"])
    if target < 0 or table.hashes[target] != row["target_hash"]:
        target = _target(table, message, np.int64(-1))
        row["target"], row["target_hash"] = target, table.hashes[target]
    _count(table, target, message)
    table.rows[target]["last_ns"] = message["time_ns"]
    _check_rate(table, target, message)


@kernel
def measure(table: Rhythms, messages: Rows, limit: Int, cursor: Ints) -> None:
    """Measure the messages from `cursor[0]` to `limit`.

    Stops early where the table is full: the caller has `make_room` free some and calls again.
    """
    while cursor[0] < limit:
        message = messages[cursor[0]]
        protocol = message["protocol"]
        if table.used[FREE] < ROWS_PER_MESSAGE:
            return
        cursor[0] += 1
        if table.used[SINCE_NS] == 0 or message["time_ns"] < table.used[SINCE_NS]:
            table.used[SINCE_NS] = message["time_ns"]
        if message["part"] != 0 or message["flags"] & (MALFORMED | FAULT):
            continue
        if protocol >= FIRST_OT:
            _ot(table, message)
        elif protocol == Number.TCP or protocol == Number.UDP:
            _transport(table, message)
        elif protocol == Number.ICMP:
            place = _target(table, message, np.int64(message["function"]))
            _count(table, place, message)
            table.rows[place]["last_ns"] = message["time_ns"]
            _check_rate(table, place, message)


_NOTHING = np.zeros(0, FINDING)


class Metronome:
    """Measures all messages of an observer, as one of its listeners."""

    def __init__(self, capacity: int = 1 << 16) -> None:
        self.table = new_rhythms(capacity)
        self.gone: list[Ints] = []
        """Places of rows that were given up for room since this was last emptied."""

    def take(self, out: Out, buffers: Buffers) -> None:
        """Measure the messages in `out`."""
        cursor = np.zeros(1, np.int64)
        limit = int(out.used[MESSAGES])
        while True:
            measure(self.table, out.messages, limit, cursor)
            if cursor[0] >= limit:
                return
            self.gone.append(make_room(self.table))

    def findings(self) -> Rows:
        """What was found since the last call, in the order of time."""
        used = int(self.table.used[FINDINGS])
        if not used:
            return _NOTHING
        found = self.table.findings[:used].copy()
        self.table.used[FINDINGS] = 0
        return found[np.lexsort((found["kinds"], found["packet"], found["time_ns"]))]

    @property
    def losses(self) -> dict[str, int]:
        """What was given up for room."""
        return {
            "rhythms_evicted": int(self.table.used[EVICTED]),
            "rhythm_findings_not_told": int(self.table.used[NOT_TOLD]),
        }
