"""UMAS: what Schneider's programming software asks controllers for, inside Modbus function 90.

The vendor has published no specification; codes are those on which independent analyses agree. Only
the function code is read: session key and data stay octets.
"""

from __future__ import annotations

import numpy as np

from sensor.messages import Operation
from sensor.types import Ints

FUNCTIONS = {
    0x01: ("UMAS Initialise Communication", Operation.SESSION),
    0x02: ("UMAS Read Identification", Operation.IDENTIFY),
    0x03: ("UMAS Read Project Information", Operation.IDENTIFY),
    0x04: ("UMAS Read Controller Status", Operation.DIAGNOSE),
    0x05: ("UMAS Read Loader Information", Operation.IDENTIFY),
    0x06: ("UMAS Read Card Information", Operation.IDENTIFY),
    0x0A: ("UMAS Repeat", Operation.DIAGNOSE),
    0x10: ("UMAS Reserve Controller", Operation.SESSION),
    0x11: ("UMAS Release Controller", Operation.SESSION),
    0x12: ("UMAS Keep Alive", Operation.SESSION),
    0x20: ("UMAS Read Memory Block", Operation.READ),
    0x21: ("UMAS Write Memory Block", Operation.WRITE),
    0x22: ("UMAS Read Variables", Operation.READ),
    0x23: ("UMAS Write Variables", Operation.WRITE),
    0x24: ("UMAS Read Coils and Registers", Operation.READ),
    0x25: ("UMAS Write Coils and Registers", Operation.WRITE),
    0x26: ("UMAS Data Dictionary", Operation.BROWSE),
    0x30: ("UMAS Begin Upload", Operation.PROGRAM_UPLOAD),
    0x31: ("UMAS Upload Block", Operation.PROGRAM_UPLOAD),
    0x32: ("UMAS End Upload", Operation.PROGRAM_UPLOAD),
    0x33: ("UMAS Begin Download", Operation.PROGRAM_DOWNLOAD),
    0x34: ("UMAS Download Block", Operation.PROGRAM_DOWNLOAD),
    0x35: ("UMAS End Download", Operation.PROGRAM_DOWNLOAD),
    0x39: ("UMAS Read Ethernet Master Data", Operation.DIAGNOSE),
    0x40: ("UMAS Start Controller", Operation.START),
    0x41: ("UMAS Stop Controller", Operation.STOP),
    0x50: ("UMAS Monitor", Operation.DIAGNOSE),
    0x58: ("UMAS Check Controller", Operation.DIAGNOSE),
    0x70: ("UMAS Read I/O Object", Operation.READ),
    0x71: ("UMAS Write I/O Object", Operation.WRITE),
    0x73: ("UMAS Get Module Status", Operation.DIAGNOSE),
    0xFD: ("UMAS Error", Operation.OTHER),
    0xFE: ("UMAS Done", Operation.OTHER),
}
"""Code to the name of the function and what it does."""
OPERATION: Ints = np.full(256, int(Operation.OTHER), np.int64)
"""Code to operation."""
for _code, (_, _operation) in FUNCTIONS.items():
    OPERATION[_code] = _operation
