"""Which member of a fanout group gets a packet: the same one for all between two addresses.

Linux' own PACKET_FANOUT_HASH is symmetric (since 4.7 both directions of a flow give one hash), but
it is taken over ports, too: an EtherNet/IP client's I/O over UDP would go to another process than
the TCP session that opened it, and of a fragmented datagram only the first part has ports, which the
kernel mends by putting fragments together (PACKET_FANOUT_FLAG_DEFRAG, IPv4 only), so that what is
captured never was on the wire. Hence a hash of our own, as a classic BPF program for
PACKET_FANOUT_CBPF: over both addresses, in any order; of MAC addresses where there are no others.
"""

from __future__ import annotations

from sensor.capture.bpf import Program

NETWORK, LINK = 0xFFF00000, 0xFFE00000
"""SKF_NET_OFF and SKF_LL_OFF: loads from the network and the link header, wherever they are."""
PROTOCOL = 0xFFFFF000
"""SKF_AD_OFF + SKF_AD_PROTOCOL: the EtherType, behind a tag that was taken out."""

IMM, LD, LD_IND, LDH_IND, LD_MEM, LDX_MEM, ST = 0x00, 0x20, 0x40, 0x48, 0x60, 0x61, 0x02
TAX, TXA, ADD, MUL, SHIFT_RIGHT, XOR_X, JEQ, RET_A = 0x07, 0x87, 0x04, 0x24, 0x74, 0xAC, 0x15, 0x16
MIX = 0x9E3779B1
"""An odd number with its bits well spread (2^32 divided by the golden ratio)."""
TAGS = (0x8100, 0x88A8)
PAIRS = {0x0800: (12, 16), 0x86DD: tuple(range(8, 40, 4)), 0x0806: (14, 24)}
"""Where the words of both addresses stand behind the start of an IPv4, IPv6 or ARP header."""

SKIP, HASH = 0, 1
"""Places of the scratch memory: octets of tags before the header, and the hash as far as it goes."""

Code = list[tuple[int, int, int, int]]

# In: the EtherType in A. Where that is a tag that is still in the frame, step over it.
STEP_OVER_TAG: Code = [
    (JEQ, 1, 0, TAGS[0]),
    (JEQ, 0, 7, TAGS[1]),
    (LDX_MEM, 0, 0, SKIP),
    (LDH_IND, 0, 0, NETWORK + 2),
    (ST, 0, 0, HASH),
    (TXA, 0, 0, 0),
    (ADD, 0, 0, 4),
    (ST, 0, 0, SKIP),
    (LD_MEM, 0, 0, HASH),
]
RETURN_MIXED: Code = [(MUL, 0, 0, MIX), (SHIFT_RIGHT, 0, 0, 16), (RET_A, 0, 0, 0)]


def pair_hash() -> Program:
    """A program that gives a 16-bit hash of the two addresses of a packet."""
    code: Code = [(IMM, 0, 0, 0), (ST, 0, 0, SKIP), (LD, 0, 0, PROTOCOL), *STEP_OVER_TAG, *STEP_OVER_TAG]
    for ethertype, offsets in PAIRS.items():
        part: Code = [(IMM, 0, 0, 0), (ST, 0, 0, HASH)]
        for offset in offsets:
            part += [(LDX_MEM, 0, 0, SKIP), (LD_IND, 0, 0, NETWORK + offset), (TAX, 0, 0, 0)]
            part += [(LD_MEM, 0, 0, HASH), (XOR_X, 0, 0, 0), (ST, 0, 0, HASH)]
        part += RETURN_MIXED
        code += [(JEQ, 0, len(part), ethertype), *part]
    macs: Code = [(LD, 0, 0, LINK + 8), (TAX, 0, 0, 0), (LD, 0, 0, LINK + 2), (XOR_X, 0, 0, 0)]
    return Program((*code, *macs, *RETURN_MIXED))
