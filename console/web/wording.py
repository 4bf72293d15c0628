"""Times, amounts, sentences: how values of documents read on a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from markupsafe import Markup

from console.store import times
from console.web.i18n import N_, translations
from console.web.refusals import told

MINUTE, HOUR, DAY = 60, 3_600, 86_400
WHOLE = 2.0**53
"""Below, a float that is a whole number is shown as one, as the sentences of alerts do."""
LONG_AGO = 60 * DAY
"""Behind this a date says more than a number of days."""

NOTICES: dict[str, str] = {
    "acknowledged": N_("Alerts acknowledged: %(count)s"),
    "closed": N_("Alerts closed: %(count)s"),
    "reopened": N_("Alerts reopened: %(count)s"),
    "commented": N_("Comment added."),
    "assigned": N_("Assignment changed."),
    "learned": N_("Learned: this traffic is allowed from now on."),
    "taught": N_("Learned: this traffic is allowed from now on, and the sensors are told."),
    "muted": N_("Muted: repeats stay silent."),
    "revoked": N_("Taken back: the alerts are open again, and repeats raise new ones."),
    "decided": N_("Asset changed."),
    "enrolment_withdrawn": N_("The code works no more."),
    "configuration_kept": N_("Version %(version)s is kept; sensors fetch it at their next heartbeat."),
    "configuration_advised": N_("Version %(version)s is kept. To look at: %(advice)s"),
    "configuration_same": N_("Nothing differs from version %(version)s."),
    "evidence_asked": N_("Asked: the sensor hears of it at its next heartbeat."),
    "sensor_revoked": N_("The sensor's token works no more."),
    "user_added": N_("User %(name)s added."),
    "user_changed": N_("User %(name)s changed."),
    "token_revoked": N_("The token works no more."),
    "password_changed": N_("Password of %(name)s changed."),
}
ERRORS: dict[str, str] = {
    "nothing_selected": N_("Select at least one alert first."),
    "reason_missing": N_("Say why: a reason is required."),
    "changed_meanwhile": N_("Somebody has changed this configuration in the meantime; look at it again."),
    "refused": N_("That did not work: %(why)s"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One line above a page that says what the last action did."""

    text: str
    error: bool


def notice(language: str, cookie: str) -> Notice | None:
    """The notice a cookie asks for; None for a cookie this console did not write."""
    fields = parse_qs(cookie)
    kind = fields.get("kind", [""])[0]
    text = NOTICES.get(kind) or ERRORS.get(kind)
    try:
        values = json.loads(fields.get("values", ["{}"])[0])
        if text is None or not isinstance(values, dict):
            return None
        if "why" in values:
            values["why"] = told(language, str(values["why"]))
        return Notice(translations(language).gettext(text) % values, kind in ERRORS)
    except (ValueError, KeyError, TypeError):
        return None


def moment(text: str | None) -> Markup:
    """An RFC 3339 time to the second, in UTC; a script on the page turns it into local time."""
    if not text:
        return Markup("–")
    return Markup('<time datetime="{}" data-local>{} UTC</time>').format(text, text[:19].replace("T", " "))


def stretch(start: str, end: str) -> Markup:
    """From one RFC 3339 time to another; a script on the page leaves out the date where it is the same."""
    if start[:19] == end[:19]:
        return moment(start)
    return Markup("<span data-stretch>{} – {}</span>").format(moment(start), moment(end))


def ago(language: str, text: str | None) -> Markup:
    """How long ago an RFC 3339 time was, with the time itself as its title."""
    if not text:
        return Markup("–")
    seconds = (times.now() - times.to_nanoseconds(text)) / times.SECOND
    shown = text[:19].replace("T", " ") + " UTC"
    if seconds > LONG_AGO:
        return Markup('<time datetime="{}" title="{}" data-title>{}</time>').format(text, shown, text[:10])
    return Markup('<time datetime="{}" title="{}" data-title>{}</time>').format(
        text, shown, relative(language, seconds)
    )


def relative(language: str, seconds: float) -> str:
    """`seconds` before now, as a person says it."""
    say = translations(language)
    if seconds < MINUTE:
        return say.gettext("just now")
    return say.gettext("%(span)s ago") % {"span": span(language, seconds)}


def span(language: str, seconds: float) -> str:
    """A length of time in its largest unit."""
    say = translations(language)
    days, hours, minutes = (int(seconds // unit) for unit in (DAY, HOUR, MINUTE))
    if days:
        return say.ngettext("%(count)s day", "%(count)s days", days) % {"count": days}
    if hours:
        return say.ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}
    if minutes:
        return say.ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
    rest = max(0, int(seconds))
    return say.ngettext("%(count)s second", "%(count)s seconds", rest) % {"count": rest}


def amount(value: float) -> str:
    """A number with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u2009")


def octets(value: float) -> str:
    """A size in bytes with a binary prefix."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("the last unit takes any size")


def sentence(language: str, document: Mapping[str, Any]) -> str:
    """An alert's sentence who did what to whom; in the other language where this one is missing."""
    first, second = ("message_zh", "message") if language == "zh" else ("message", "message_zh")
    return str(document.get(first) or document.get(second) or titled(language, document.get("rule", {})))


def titled(language: str, rule: Any, field: str = "title") -> str:
    """A rule's title (or another field that has a `_zh` twin), from a document or a record."""

    def read(key: str) -> Any:
        return rule.get(key) if isinstance(rule, Mapping) else getattr(rule, key, None)

    chinese = read(f"{field}_zh")
    return str((chinese if language == "zh" else None) or read(field) or read("name") or "")


def readable(value: Any) -> str:
    """A value of a document as text."""
    if isinstance(value, list):
        return ", ".join(readable(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {readable(each)}" for key, each in value.items())
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    return str(value)


HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
"""Control characters, and those that turn the direction of what follows or take no room."""


def visible(value: Any) -> Any:
    """Text with its hidden characters written out: a name from the wire must not rearrange a sentence."""
    if isinstance(value, str) and not isinstance(value, Markup) and HIDDEN.search(value):
        return HIDDEN.sub(lambda found: f"\u2039U+{ord(found[0]):04X}\u203a", value)
    return value


def filename(path: object) -> str:
    """The last part of a path, of whatever system it came from."""
    return re.split(r"[/\\]", str(path))[-1] or str(path)
