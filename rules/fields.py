"""Every field that a rule may name: its type, its meaning, its closed set of values if it has one.

The loader checks rules against this catalogue, the JSON Schema and docs/fields.md are made from it.
Protocol-specific fields (`modbus.transaction_id` …) belong to messages, not to behaviours: they are
documented, but a rule cannot ask about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sensor.messages import FLAG_NAMES, Kind, Operation
from sensor.protocols.protocol import NAMES

Category = Literal["behaviour", "asset"]
Type = Literal["text", "integer", "real", "boolean", "ip", "mac"]

ROLES = (
    "plc",
    "rtu",
    "ied",
    "field_device",
    "drive",
    "hmi",
    "scada",
    "historian",
    "engineering_workstation",
    "gateway",
    "router",
    "infrastructure_server",
    "workstation",
    "unknown",
)
"""What an asset can be; see docs/documents.md, Asset."""
CHANGES = (
    "new_asset",
    "new_mac",
    "mac_conflict",
    "spoofed",
    "firmware",
    "model",
    "serial",
    "module",
    "name",
    "role",
    "service",
)
"""What can change about an asset: the values of `asset.change`."""
VALUE_KINDS = ("constant", "state", "discrete", "set_point", "measurement", "counter")
"""How the values of a point behave: `rules.baseline.values.point.ValueKind`."""
OPERATIONS = tuple(operation.name.lower() for operation in Operation)
KINDS = tuple(kind.name.lower() for kind in Kind)
PROTOCOLS = tuple(NAMES.values())
TRANSPORTS = ("tcp", "udp", "icmp", "ipv6-icmp", "sctp")

BEHAVIOUR: frozenset[Category] = frozenset({"behaviour"})
ASSET: frozenset[Category] = frozenset({"asset"})
BOTH = BEHAVIOUR | ASSET


@dataclass(frozen=True, slots=True)
class RuleField:
    """A field of a rule's `detection`. `values` is empty where any value may occur."""

    name: str
    type: Type
    doc: str
    values: tuple[str, ...] = ()
    categories: frozenset[Category] = BEHAVIOUR

    @property
    def is_textual(self) -> bool:
        """Whether values are compared as text (addresses are)."""
        return self.type in ("text", "ip", "mac")


def _end(end: str, who: str) -> tuple[RuleField, ...]:
    return (
        RuleField(f"{end}.ip", "ip", f"IP address of the {who}"),
        RuleField(f"{end}.mac", "mac", f"MAC address of the {who}, lower case with colons"),
        RuleField(f"{end}.port", "integer", f"Port of the {who}"),
        RuleField(f"{end}.name", "text", f"Name of the {who}, from the site file or as learned"),
        RuleField(f"{end}.vendor", "text", f"Vendor of the {who}"),
        RuleField(f"{end}.role", "text", f"What the {who} is in the plant", ROLES),
        RuleField(f"{end}.zone", "text", f"Zone of the {who}, from the site file"),
        RuleField(f"{end}.purdue_level", "real", f"Purdue level of the {who}: 0 to 5, 3.5 is the DMZ"),
        RuleField(f"{end}.criticality", "real", f"Weight of the {who}: 0.5, 1, 1.5 or 2"),
        RuleField(f"{end}.is_internal", "boolean", f"Whether the {who} belongs to the plant's networks"),
        RuleField(
            f"{end}.newcomer", "boolean", f"The {who} was first heard of after the watch began, minutes ago"
        ),
        RuleField(
            f"{end}.authorised", "boolean", f"Whether site file or baseline know the {who}; absent if unsure"
        ),
    )


_FLAG_DOCS = {
    "malformed": "The message contradicts its specification",
    "identity": "The message says who or what a device is",
    "fault": "Fieldwatch failed to decode the message",
    "broadcast": "Addressed to every device at the protocol's own level",
    "unsolicited": "Sent by a server without a request",
    "select": "First half of select-before-operate: arms an output but does not act",
    "without_select": "Operates an output that had to be selected before and was not",
    "test": "Marked as a test by the sender",
    "negative": "The server confirmed that it will not do it",
    "encrypted": "The payload is enciphered",
    "doubtful": "The station itself says that the value is invalid, not up to date or of an offline source",
}

CORE: tuple[RuleField, ...] = (
    *_end("source", "client"),
    *_end("destination", "server"),
    RuleField("network.protocol", "text", "Protocol", PROTOCOLS, BOTH),
    RuleField("network.transport", "text", "Transport; absent where there is no IP", TRANSPORTS),
    RuleField("network.vlan.id", "text", "VLAN number, the inner one of two"),
    RuleField("ics.operation", "text", "What is done, the same word in every protocol", OPERATIONS),
    RuleField("ics.kind", "text", "Who spoke: the client, the server in answer, or unasked", KINDS),
    RuleField("ics.function", "text", "The specification's name of the function"),
    RuleField("ics.function_code", "integer", "Number of the function"),
    RuleField("ics.subfunction_code", "integer", "Number of the subfunction"),
    RuleField("ics.unit", "integer", "Unit, station, slot or outstation address inside the server"),
    RuleField("ics.space", "text", "Kind of object: holding_register, data_block, …"),
    RuleField("ics.address", "integer", "First address of the object inside its space"),
    RuleField("ics.count", "integer", "How many objects from that address on"),
    RuleField("ics.object", "text", "The object as an engineer writes it: `holding_register 100-109`"),
    RuleField("ics.name", "text", "Name of the object on the wire: tag, block, file"),
    RuleField("ics.value", "real", "Last value seen; a state (on, off, mode) or a number"),
    RuleField("ics.value_min", "real", "Least value seen"),
    RuleField("ics.value_max", "real", "Greatest value seen"),
    RuleField("ics.status", "text", "Answer of the server: `ok` or the specification's name of the error"),
    RuleField("ics.status_code", "integer", "Number of the answer; 0 is success"),
    *(RuleField(f"ics.{name}", "boolean", _FLAG_DOCS[name]) for name in FLAG_NAMES.values()),
    RuleField("ics.unanswered", "boolean", "Requests or calls that a server which answers leaves unanswered"),
    RuleField("ics.orphan", "boolean", "An answer that nobody asked for, in a conversation seen whole"),
    RuleField("traffic.messages", "integer", "How many messages were unanswered, unasked for, or too many"),
    RuleField(
        "traffic.per_minute",
        "integer",
        "Requests or calls in a minute, to a server or, of calls without a function, between two machines; "
        "told at 50 and at each doubling",
    ),
    RuleField(
        "traffic.times_usual",
        "real",
        "How many times the most that was seen before; absent where nothing was",
    ),
    RuleField("baseline.learned", "boolean", "Whether a baseline has been learned", (), BOTH),
    RuleField(
        "baseline.novelty",
        "text",
        "The topmost thing that is new: a rule on it fires where the news is, not on all that follows",
        ("asset", "conversation", "operation", "function", "object"),
    ),
    RuleField("baseline.new_asset", "boolean", "Client or server was not there while learning"),
    RuleField(
        "baseline.new_conversation", "boolean", "This client did not speak this protocol to this server"
    ),
    RuleField("baseline.new_operation", "boolean", "This client did not do this operation to this server"),
    RuleField("baseline.new_function", "boolean", "This client did not use this function on this server"),
    RuleField("baseline.new_object", "boolean", "This client did not touch this object of this server"),
    RuleField("baseline.value_outside", "boolean", "The value of a point lies outside its learned band"),
    RuleField("baseline.silent", "boolean", "A channel that never rested has fallen silent"),
    RuleField(
        "baseline.silent_servers", "integer", "How many servers are silent altogether, this one included"
    ),
    RuleField(
        "baseline.interval_off",
        "boolean",
        "The interval of a regular channel changed, and not just once",
    ),
    RuleField("baseline.interval_s", "real", "Interval now, or how long the silence has lasted; seconds"),
    RuleField("baseline.learned_interval_s", "real", "Interval that was learned; seconds"),
    RuleField("baseline.volume_outside", "boolean", "More messages than a channel ever had while learning"),
    RuleField(
        "baseline.entry",
        "text",
        "Id of the entry by which `fieldwatch baseline accept` makes this known",
        (),
        BOTH,
    ),
    RuleField("baseline.entry_text", "text", "That entry, as it stands in a baseline file", (), BOTH),
    RuleField(
        "baseline.withheld",
        "boolean",
        "Seen while learning and not learned: it is dangerous, or somebody decided to forget it",
    ),
    RuleField(
        "baseline.value_kind",
        "text",
        "How the values of the point behaved while learning; of rows with `baseline.value_outside`",
        VALUE_KINDS,
    ),
    RuleField("baseline.value_low", "real", "Lower edge of the learned band, its margin included"),
    RuleField("baseline.value_high", "real", "Upper edge of the learned band, its margin included"),
    RuleField(
        "baseline.value_excess",
        "real",
        "How far outside the band the value lies, in units of the learned range; where it hardly changed in "
        "a share of its size",
    ),
    RuleField(
        "baseline.value_share",
        "real",
        "How far outside the band the value lies, as a share of the point's own size while learning",
    ),
    RuleField(
        "baseline.value_looks", "integer", "How many independent looks at the range the band stands on"
    ),
    RuleField("baseline.value_seconds", "integer", "For how long the point was seen while learning; seconds"),
    RuleField(
        "baseline.value_jump",
        "boolean",
        "The value changed faster than it ever did while learning, or was written by a greater step",
    ),
    RuleField("schedule.working_hours", "boolean", "Inside the site's working hours", (), BOTH),
    RuleField("schedule.maintenance", "boolean", "Inside a maintenance window", (), BOTH),
    RuleField(
        "conduit.allowed",
        "boolean",
        "Whether a conduit of the site file lets this protocol from the client's zone to the server's; "
        "absent inside a zone and where the site has no conduits",
    ),
    RuleField("asset.id", "text", "Stable identifier of the asset", (), ASSET),
    RuleField("asset.change", "text", "What changed", CHANGES, ASSET),
    RuleField("asset.old", "text", "Value before; absent for a new asset", (), ASSET),
    RuleField("asset.new", "text", "Value now", (), ASSET),
    RuleField("asset.ip", "ip", "IP addresses; one that matches is enough", (), ASSET),
    RuleField("asset.mac", "mac", "MAC addresses; one that matches is enough", (), ASSET),
    RuleField("asset.name", "text", "Name", (), ASSET),
    RuleField("asset.vendor", "text", "Vendor", (), ASSET),
    RuleField("asset.model", "text", "Model or order number", (), ASSET),
    RuleField("asset.firmware", "text", "Firmware version", (), ASSET),
    RuleField("asset.serial", "text", "Serial number", (), ASSET),
    RuleField("asset.role", "text", "What the asset is in the plant", ROLES, ASSET),
    RuleField("asset.role_confidence", "real", "How sure the role is: 0 to 1", (), ASSET),
    RuleField("asset.zone", "text", "Zone, from the site file", (), ASSET),
    RuleField("asset.purdue_level", "real", "Purdue level: 0 to 5, 3.5 is the DMZ", (), ASSET),
    RuleField("asset.criticality", "real", "Weight: 0.5, 1, 1.5 or 2", (), ASSET),
    RuleField(
        "asset.authorised", "boolean", "Whether site file or baseline know it; absent if unsure", (), ASSET
    ),
    RuleField("asset.is_internal", "boolean", "Belongs to the plant's networks", (), ASSET),
    RuleField("asset.protocols", "text", "Protocols spoken; one that matches is enough", (), ASSET),
)
"""Fields of behaviours and asset changes, in the order of the documentation."""

FIELDS: dict[str, RuleField] = {field.name: field for field in CORE}


def fields_of(category: Category) -> dict[str, RuleField]:
    """The fields that rules of this category may name."""
    return {field.name: field for field in CORE if category in field.categories}


def markdown() -> str:
    """The text of docs/fields.md: the core fields, then each protocol's own."""
    from sensor.protocols.registry import PROTOCOLS as MODULES

    lines = [
        "# Fields",
        "",
        "Made from the code by `fieldwatch rules fields`; do not edit.",
        "",
        "## Fields that rules may ask about",
        "",
        "Category says for which `logsource.category` a field exists.",
        "",
        "| field | type | category | meaning |",
        "|---|---|---|---|",
    ]
    for field in CORE:
        meaning = field.doc
        if field.values:
            meaning += ": " + ", ".join(f"`{value}`" for value in field.values)
        category = ", ".join(sorted(field.categories))
        lines.append(f"| `{field.name}` | {field.type} | {category} | {_cell(meaning)} |")
    for protocol in sorted(MODULES.values(), key=lambda item: item.name):
        if not protocol.fields:
            continue
        lines += ["", f"## {protocol.title} (`{protocol.name}`)", "", "In messages (`fieldwatch decode`)."]
        lines += ["", "| field | type | meaning |", "|---|---|---|"]
        for item in protocol.fields:
            kind = f"list of {item.type}" if item.repeats else item.type
            lines.append(f"| `{item.name}` | {kind} | {_cell(item.doc)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
