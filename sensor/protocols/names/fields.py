"""What DNS, mDNS and NBNS share: codes, names of codes, and fields (RFC 1035, 4.1)."""

from __future__ import annotations

from sensor.protocols.protocol import Field

HEADER = 12
QUERY, STATUS, REGISTRATION, RELEASE, WAIT, REFRESH, REFRESH_ALTERNATIVE = 0, 2, 5, 6, 7, 8, 9
A, NS, CNAME, PTR, TXT, AAAA, NB, NBSTAT, SRV, OPT, ANY = 1, 2, 5, 12, 16, 28, 32, 33, 33, 41, 255
"""Record types. NBNS gives 32 (NB) and 33 (NBSTAT) a meaning of its own."""
TYPES = {
    A: "A",
    NS: "NS",
    CNAME: "CNAME",
    6: "SOA",
    PTR: "PTR",
    13: "HINFO",
    15: "MX",
    TXT: "TXT",
    AAAA: "AAAA",
    SRV: "SRV",
    35: "NAPTR",
    OPT: "OPT",
    43: "DS",
    46: "RRSIG",
    47: "NSEC",
    48: "DNSKEY",
    64: "SVCB",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    ANY: "ANY",
}
NBNS_TYPES = {A: "A", NS: "NS", 10: "NULL", NB: "NB", NBSTAT: "NBSTAT"}
STATUSES = {
    1: "format_error",
    2: "server_failure",
    3: "name_error",
    4: "not_implemented",
    5: "refused",
    6: "name_exists",
    7: "conflict",
    8: "record_set_missing",
    9: "not_authoritative",
    10: "not_in_zone",
}
QUESTION, ANSWER, AUTHORITY, ADDITIONAL = range(4)
SPACES = {QUESTION: "question", ANSWER: "answer", AUTHORITY: "authority", ADDITIONAL: "additional"}


def functions(operations: dict[int, str], types: dict[int, str]) -> dict[tuple[int, int], str]:
    """(operation code, record type) to a name such as "Query A"."""
    named = {(code, -1): name for code, name in operations.items()}
    return named | {
        (code, kind): f"{name} {text}" for code, name in operations.items() for kind, text in types.items()
    }


def fields(prefix: str, types: dict[int, str]) -> tuple[Field, ...]:
    """The fields of one of the three protocols, always in the order of the constants below."""
    return (
        Field(f"{prefix}.id", "integer", "Transaction identifier", volatile=True),
        Field(f"{prefix}.authoritative", "boolean", "The answer comes from who is responsible for it"),
        Field(f"{prefix}.type", "integer", "Type of the question or record", values=types),
        Field(f"{prefix}.ttl", "integer", "Time to live of the record, seconds", volatile=True),
        Field(f"{prefix}.address", "ip", "Address that the record gives", True),
        Field(f"{prefix}.target", "text", "Name that the record points to"),
        Field(f"{prefix}.port", "integer", "SRV: port of the service"),
        Field(f"{prefix}.text", "text", "TXT: each string", True),
        Field(f"{prefix}.suffix", "hex", "NetBIOS: 16th octet of the name, the kind of service", True),
        Field(f"{prefix}.group", "boolean", "NetBIOS: the name is a group's", True),
        Field(f"{prefix}.node_name", "text", "NetBIOS node status: each name", True),
        Field(f"{prefix}.mac", "mac", "NetBIOS node status: unit identifier"),
    )


ID, AUTHORITATIVE, TYPE, TTL, ADDRESS, TARGET, PORT, TEXT, SUFFIX, GROUP, NODE_NAME, MAC = range(12)
