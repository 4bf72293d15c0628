"""Packet filters: classic BPF programs, from `tcpdump -ddd` or from an expression.

Instructions are those of McCanne and Jacobson, "The BSD Packet Filter" (1993), as Linux takes them
(Documentation/networking/filter.rst): an operation, two relative jumps, and an operand of 32 bits.
"""

from __future__ import annotations

import ctypes
import re
import struct
from dataclasses import dataclass

from sensor.capture.errors import CaptureError

MOST_INSTRUCTIONS = 4096
"""BPF_MAXINSNS of Linux."""
MOST_MEMORY = 16

LOADS = {0x00, 0x01, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x61, 0x80, 0x81, 0xB1}
STORES = {0x02, 0x03}
ARITHMETIC = {base | source for base in range(0x04, 0xB0, 0x10) for source in (0, 8)} - {0x8C}
JUMPS = {0x05} | {base | source for base in (0x15, 0x25, 0x35, 0x45) for source in (0, 8)}
RETURNS = {0x06, 0x0E, 0x16}
MOVES = {0x07, 0x87}
OPERATIONS = LOADS | STORES | ARITHMETIC | JUMPS | RETURNS | MOVES

JUMP_ALWAYS, DIVIDE_BY, REMAINDER_BY = 0x05, 0x34, 0x94
MEMORY = {0x02, 0x03, 0x60, 0x61}
LOAD_HALF_AT, JUMP_IF_EQUAL = 0x28, 0x15
TAG_IS_THERE = 0xFFFFF030
"""SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT: asks for a tag that was taken out of the frame."""
ETHERTYPE_AT = 12
TAGS = (0x8100, 0x88A8, 0x9100)


@dataclass(frozen=True)
class Program:
    """A filter: (operation, jump if true, jump if false, operand) for each instruction."""

    instructions: tuple[tuple[int, int, int, int], ...]

    @property
    def octets(self) -> bytes:
        """As an array of struct sock_filter."""
        return b"".join(struct.pack("=HBBI", *item) for item in self.instructions)

    @property
    def notes(self) -> list[str]:
        """What whoever wrote it may have meant otherwise."""
        asks = any(
            operation == LOAD_HALF_AT and k == ETHERTYPE_AT for operation, _, _, k in self.instructions
        )
        compares = any(operation == JUMP_IF_EQUAL and k in TAGS for operation, _, _, k in self.instructions)
        knows = any(operation in LOADS and k == TAG_IS_THERE for operation, _, _, k in self.instructions)
        if asks and compares and not knows:
            return [
                "the filter looks for a VLAN tag in the frame, but live the outermost tag is taken out of "
                "it: make the filter with `tcpdump -i INTERFACE -ddd EXPRESSION` on the sensor itself"
            ]
        return []


DROP_ALL = Program(((0x06, 0, 0, 0),))
"""Takes no packet."""


def program_of(text: str, interface: str) -> Program:
    """The filter that `text` says: the output of `tcpdump -ddd`, or an expression for this interface.

    Raises CaptureError where it is neither.
    """
    return parse(text) if re.match(r"\s*\d+\s*(\n|$)", text) else compiled(text, interface)


def parse(text: str) -> Program:
    """The filter that `tcpdump -ddd` printed: the number of instructions, and a line for each.

    Raises CaptureError that names the line where it cannot be one.
    """
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or len(lines[0][1]) != 1 or not re.fullmatch(r"[0-9]{1,9}", lines[0][1][0]):
        raise CaptureError("filter: its first line is not a number of instructions")
    count = int(lines[0][1][0])
    if not 1 <= count <= MOST_INSTRUCTIONS:
        raise CaptureError(f"filter, line {lines[0][0]}: {count} instructions: 1 to {MOST_INSTRUCTIONS}")
    if len(lines) - 1 != count:
        raise CaptureError(f"filter: {count} instructions are announced, {len(lines) - 1} follow")
    found = []
    for index, (number, words) in enumerate(lines[1:]):
        if len(words) != 4 or not all(re.fullmatch(r"[0-9]{1,10}", word) for word in words):
            raise CaptureError(f"filter, line {number}: not four numbers")
        operation, if_true, if_false, operand = map(int, words)
        problem = _problem(operation, if_true, if_false, operand, count - index - 1)
        if problem:
            raise CaptureError(f"filter, line {number}: {problem}")
        found.append((operation, if_true, if_false, operand))
    if found[-1][0] not in RETURNS:
        raise CaptureError(f"filter, line {lines[-1][0]}: the last instruction does not return")
    return Program(tuple(found))


def _problem(operation: int, if_true: int, if_false: int, operand: int, behind: int) -> str:
    """What is wrong with an instruction that `behind` others follow; empty where nothing is."""
    if operation not in OPERATIONS:
        return f"there is no operation {operation}"
    if if_true > 255 or if_false > 255 or operand >= 1 << 32:
        return "a number that is too large for its field"
    if operation == JUMP_ALWAYS:
        if operand >= behind:
            return "a jump behind the end"
    elif operation in JUMPS and max(if_true, if_false) >= behind:
        return "a jump behind the end"
    if operation in MEMORY and operand >= MOST_MEMORY:
        return f"there is no scratch memory {operand}"
    if operation in (DIVIDE_BY, REMAINDER_BY) and not operand:
        return "a division by zero"
    return ""


def compiled(expression: str, interface: str) -> Program:
    """An expression in libpcap's language (pcap-filter(7)), for what this interface gives.

    Takes scapy and libpcap; without them, and where libpcap does not understand the expression,
    raises CaptureError. The interface is opened for a moment, not promiscuous: what libpcap makes
    for a file looks for VLAN tags where they are not, live.
    """
    try:
        from scapy.libs import structures
        from scapy.libs import winpcapy as pcap
    except (ImportError, OSError):
        raise CaptureError(
            f"filter {expression!r}: compiling an expression takes libpcap and the extra "
            "fieldwatch[scapy]; or give the output of `tcpdump -i INTERFACE -ddd EXPRESSION`"
        ) from None
    said = ctypes.create_string_buffer(pcap.PCAP_ERRBUF_SIZE)
    handle = pcap.pcap_open_live(interface.encode(), 262_144, 0, 100, said)
    if not handle:  # an interface that is down, or missing
        handle = pcap.pcap_open_dead(1, 262_144)
    program = structures.bpf_program()
    try:
        if pcap.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, 0xFFFFFFFF):
            raise CaptureError(f"filter {expression!r}: {pcap.pcap_geterr(handle).decode(errors='replace')}")
        code = program.bf_insns
        found = tuple(
            (code[i].code, code[i].jt, code[i].jf, code[i].k & 0xFFFFFFFF) for i in range(program.bf_len)
        )
        pcap.pcap_freecode(ctypes.byref(program))
    finally:
        pcap.pcap_close(handle)
    return Program(found)
