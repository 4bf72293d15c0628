"""Blocks of octets that sides of streams wait with: unfinished PDUs and segments behind a gap."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.types import Bytes, Int
from sensor.types import Record as Row
from sensor.wire.streams import (
    BLOCK_OCTETS,
    BLOCKS_USED,
    CARRY_DROPPED,
    FREE_BLOCK,
    FREE_PIECE,
    PIECES_DROPPED,
    Streams,
)


@kernel
def release_blocks(streams: Streams, block: Int) -> None:
    """Give back a chain of blocks (-1 for none)."""
    while block >= 0:
        following = streams.block_next[block]
        streams.block_next[block] = streams.used[FREE_BLOCK]
        streams.used[FREE_BLOCK] = block
        streams.used[BLOCKS_USED] -= 1
        block = following


@kernel
def _take_block(streams: Streams) -> Int:
    block = streams.used[FREE_BLOCK]
    if block >= 0:
        streams.used[FREE_BLOCK] = streams.block_next[block]
        streams.block_next[block] = -1
        streams.used[BLOCKS_USED] += 1
    return block


@kernel
def drop_carry(streams: Streams, side: Row) -> None:
    """Give up the side's unfinished PDU, if there is one, and count it."""
    if side["carry_length"] > 0:
        streams.used[CARRY_DROPPED] += 1
    clear_carry(streams, side)


@kernel
def clear_carry(streams: Streams, side: Row) -> None:
    """Forget the side's unfinished PDU: it was used."""
    release_blocks(streams, np.int64(side["carry"]))
    side["carry"] = -1
    side["carry_tail"] = -1
    side["carry_length"] = 0
    side["carry_need"] = 0


@kernel
def append_carry(streams: Streams, side: Row, data: Bytes, at: Int, length: Int) -> bool:
    """Put `length` octets behind the side's unfinished PDU; False (and dropped) without room."""
    done = np.int64(0)
    while done < length:
        within = np.int64(side["carry_length"]) % BLOCK_OCTETS
        if within == 0:
            block = _take_block(streams)
            if block < 0:
                drop_carry(streams, side)
                return False
            if side["carry"] < 0:
                side["carry"] = block
            else:
                streams.block_next[side["carry_tail"]] = block
            side["carry_tail"] = block
        size = min(length - done, BLOCK_OCTETS - within)
        target = streams.blocks[side["carry_tail"]]
        for index in range(size):
            target[within + index] = data[at + done + index]
        side["carry_length"] += size
        done += size
    return True


@kernel
def copy_blocks(streams: Streams, block: Int, length: Int, target: Bytes, at: Int) -> None:
    """Copy the first `length` octets of a chain to `target[at:]`."""
    done = np.int64(0)
    while done < length:
        size = min(length - done, np.int64(BLOCK_OCTETS))
        source = streams.blocks[block]
        for index in range(size):
            target[at + done + index] = source[index]
        done += size
        block = streams.block_next[block]


@kernel
def hold_piece(
    streams: Streams, side_index: Int, seq: Int, data: Bytes, at: Int, length: Int, missing: Int, packet: Row
) -> None:
    """Keep a segment that came before its turn, in the order of sequence numbers."""
    side = streams.sides[side_index]
    piece = streams.used[FREE_PIECE]
    if piece < 0:
        streams.used[PIECES_DROPPED] += 1
        return
    first = np.int64(-1)
    last = np.int64(-1)
    done = np.int64(0)
    while done < length:
        block = _take_block(streams)
        if block < 0:
            release_blocks(streams, first)
            streams.used[PIECES_DROPPED] += 1
            return
        if first < 0:
            first = block
        else:
            streams.block_next[last] = block
        last = block
        size = min(length - done, np.int64(BLOCK_OCTETS))
        target = streams.blocks[block]
        for index in range(size):
            target[index] = data[at + done + index]
        done += size
    streams.used[FREE_PIECE] = streams.pieces[piece]["next"]
    row = streams.pieces[piece]
    row["seq"] = seq
    row["length"] = length
    row["missing"] = missing
    row["time_ns"] = packet["time_ns"]
    row["number"] = packet["number"]
    row["block"] = first
    row["side"] = side_index
    before = np.int64(-1)
    current = np.int64(side["ahead"])
    while current >= 0 and (streams.pieces[current]["seq"] - seq) & 0xFFFFFFFF > 0x7FFFFFFF:
        before = current
        current = np.int64(streams.pieces[current]["next"])
    row["next"] = current
    if before < 0:
        side["ahead"] = piece
    else:
        streams.pieces[before]["next"] = piece
    side["ahead_count"] += 1


@kernel
def release_piece(streams: Streams, side: Row) -> None:
    """Give back the first piece of the side."""
    piece = np.int64(side["ahead"])
    row = streams.pieces[piece]
    release_blocks(streams, np.int64(row["block"]))
    side["ahead"] = row["next"]
    side["ahead_count"] -= 1
    row["next"] = streams.used[FREE_PIECE]
    streams.used[FREE_PIECE] = piece


@kernel
def drop_all(streams: Streams, side: Row) -> None:
    """Give up all that the side waits with, and count it."""
    drop_carry(streams, side)
    while side["ahead"] >= 0:
        streams.used[PIECES_DROPPED] += 1
        release_piece(streams, side)
