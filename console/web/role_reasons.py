"""Why the sensor takes a machine for what it is (`sensor/roles.py`), in the words of a page's reader."""

from __future__ import annotations

from console.web.i18n import NC_, translations
from console.web.sentences import found
from console.web.vocabulary import WORDS, word

REASONS: tuple[str, ...] = (
    NC_("role reason", "it says so"),
    NC_("role reason", "nothing tells"),
    NC_("role reason", "many addresses stand behind its MAC"),
    NC_("role reason", "%(field)s says %(text)s"),
    NC_("role reason", "serves a controller's protocol"),
    NC_("role reason", "is scanned for its I/O"),
    NC_("role reason", "serves telecontrol and asks others"),
    NC_("role reason", "serves telecontrol"),
    NC_("role reason", "answers for %(count)s units"),
    NC_("role reason", "serves Modbus"),
    NC_("role reason", "does engineering: %(operations)s"),
    NC_("role reason", "scans implicit I/O"),
    NC_("role reason", "masters telecontrol stations"),
    NC_("role reason", "looks into controllers only"),
    NC_("role reason", "goes online, looks what is there, leaves"),
    NC_("role reason", "reads only, and serves a database"),
    NC_("role reason", "reads only, from many"),
    NC_("role reason", "asks and commands %(count)s controllers"),
    NC_("role reason", "asks controllers"),
    NC_("role reason", "calls office servers and serves nothing itself"),
    NC_("role reason", "router"),
    NC_("role reason", "bridge"),
    NC_("role reason", "dns server"),
    NC_("role reason", "dhcp server"),
    NC_("role reason", "time server"),
)
FIELDS = {
    "model": NC_("field", "Model"),
    "product": NC_("field", "Product"),
    "description": NC_("field", "Description"),
    "vendor_class": NC_("field", "DHCP vendor class"),
    "type": NC_("field", "Type"),
    "name": NC_("field", "Name"),
}


def reason_told(language: str, reason: str) -> str:
    """A reason in the reader's language; as it is where it is none of REASONS."""
    match = found(REASONS, reason)
    if match is None:
        return reason
    sentence, values = match
    say = translations(language).pgettext
    if language != "en" and values.get("field") in FIELDS:
        values["field"] = say("field", FIELDS[values["field"]])
    if "operations" in values:
        names = values["operations"].split(", ")
        values["operations"] = ", ".join(
            word(language, "operation", name) if name in WORDS["operation"] else name for name in names
        )
    return say("role reason", sentence) % values
