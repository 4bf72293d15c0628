"""TPKT (RFC 1006), COTP class 0 (ISO 8073, RFC 905), S7comm and S7comm-plus on port 102.

S7comm has no public specification; names and codes are those of Siemens' manuals ("System Software
for S7-300/400") and of what open implementations agree on. Decoded: connections with TSAPs, every
function of S7comm with items, blocks, PI services, system status lists, messages, clock. Of
S7comm-plus the envelope. Left out: classes 2 to 4 of COTP, the tables of the programmer commands
(status, modify, force), and everything else that runs over TPKT (MMS, Remote Desktop), of which
only COTP is shown.

Where things are: `framing` TPKT, `cotp` connections, `fragments` reassembly, `decoding` from TPKT to
PDU, `jobs` header and jobs, `variables` items, `programs` blocks and PI services, `userdata` and
`szl`, `plus` S7comm-plus, `objects` the Python side, `codes`, `names` and `fields` the tables.
"""

from __future__ import annotations

from sensor.protocols.protocol import Number, Protocol
from sensor.protocols.s7comm import names
from sensor.protocols.s7comm.decoding import decode
from sensor.protocols.s7comm.fields import COTP_FIELDS, PLUS_FIELDS, S7_FIELDS
from sensor.protocols.s7comm.fragments import LOSSES, new_state
from sensor.protocols.s7comm.framing import frame_length, recognise
from sensor.protocols.s7comm.objects import describe, describe_connection, facts

PORTS = (102,)
FIELDS = COTP_FIELDS + S7_FIELDS + PLUS_FIELDS

PROTOCOLS = (
    Protocol(
        Number.COTP,
        "cotp",
        "COTP over TPKT (ISO on TCP)",
        COTP_FIELDS,
        {(code, -1): name for code, name in names.TPDUS.items()},
        names.CONNECTION_TYPES,
        names.DISCONNECT_REASONS,
        PORTS,
        describe=describe_connection,
    ),
    Protocol(
        Number.S7COMM,
        "s7comm",
        "Siemens S7comm",
        S7_FIELDS,
        names.FUNCTIONS,
        names.SPACES,
        names.STATUSES,
        PORTS,
        describe=describe,
        facts=facts,
    ),
    Protocol(
        Number.S7COMM_PLUS,
        "s7comm-plus",
        "Siemens S7comm-plus",
        PLUS_FIELDS,
        names.PLUS_FUNCTIONS,
        ports=PORTS,
    ),
)

__all__ = ["FIELDS", "LOSSES", "PORTS", "PROTOCOLS", "decode", "frame_length", "new_state", "recognise"]
