"""What the console refuses in its own English words elsewhere, in the words of a page's reader.

The store, the login and the API raise errors whose message is one sentence fit for a person. Pages
find that sentence here, values taken out, and say it in the reader's language; a sentence that is not
here is shown as it was raised.
"""

from __future__ import annotations

from console.web.i18n import NC_, translations
from console.web.sentences import found
from console.web.vocabulary import WORDS, word

SENTENCES: tuple[str, ...] = (
    NC_("refusal", "there is no alert %(id)s"),
    NC_("refusal", "there is no asset %(id)s"),
    NC_("refusal", "there is no behaviour %(id)s"),
    NC_("refusal", "there is no incident %(id)s"),
    NC_("refusal", "there is no allowance %(id)s"),
    NC_("refusal", "there is no configuration %(id)s"),
    NC_("refusal", "there is no open code %(id)s"),
    NC_("refusal", "there is no site %(name)s"),
    NC_("refusal", "there is no such site"),
    NC_("refusal", "there is no sensor %(name)s with a token"),
    NC_("refusal", "there is no sensor %(name)s"),
    NC_("refusal", "there is no token %(id)s that still works"),
    NC_("refusal", "there is no user %(name)s"),
    NC_("refusal", "no rule is called %(name)s"),
    NC_("refusal", "no packets are stored with this alert"),
    NC_("refusal", "there is a user %(name)s already"),
    NC_("refusal", "there is a sensor %(name)s already; revoke it to give it a new token"),
    NC_("refusal", "there is a sensor %(name)s already; a code made for it would replace it"),
    NC_("refusal", "%(name)s is the last admin"),
    NC_("refusal", "name: 1 to 64 letters, digits and . @ - _ inside"),
    NC_("refusal", "name: 1 to 128 characters"),
    NC_("refusal", "name: neither the code nor the request names the sensor"),
    NC_("refusal", "%(field)s: up to 128 letters, digits and . : @ - _ inside"),
    NC_("refusal", "%(field)s: names that begin with %(start)s are reserved"),
    NC_("refusal", "%(field)s: a text of 1 to %(most)s characters"),
    NC_("refusal", "%(field)s: longer than %(most)s characters"),
    NC_("refusal", "%(field)s: shorter than %(least)s characters"),
    NC_("refusal", "%(field)s: not one of %(choices)s"),
    NC_("refusal", "%(field)s: only %(choices)s can be decided"),
    NC_("refusal", "authorised: true or false"),
    NC_("refusal", "criticality: a number from 0 to %(most)s"),
    NC_("refusal", "preferences: up to %(most)s of up to %(length)s characters"),
    NC_("refusal", "role: above %(name)s's own role %(role)s"),
    NC_("refusal", "reason: say why"),
    NC_("refusal", "text: empty"),
    NC_("refusal", "expires: lies in the past"),
    NC_("refusal", "scope: names nothing; that would hide everything"),
    NC_("refusal", "scope: empty for all sensors, else site/<name>"),
    NC_("refusal", "ids: more than %(most)s at once"),
    NC_("refusal", "limit: not between 1 and %(most)s"),
    NC_("refusal", "offset: not between 0 and %(most)s; go on by cursor"),
    NC_("refusal", "cursor: not one this console made"),
    NC_("refusal", "cursor: belongs to another sort order"),
    NC_("refusal", "buckets: between 1 and %(most)s, over a time that ends after it begins"),
    NC_("refusal", "there are %(count)s learns and mutes in force already; revoke some first"),
    NC_("refusal", "allowance %(id)s is revoked already"),
    NC_("refusal", "there are %(count)s open codes already; withdraw some first"),
    NC_("refusal", "the code is unknown, used or expired"),
    NC_("refusal", "the code was made for the sensor %(name)s"),
    NC_("refusal", "somebody has changed this configuration in the meantime; look at it again"),
    NC_("refusal", "this alert is about the sensor itself: there are no packets of it"),
    NC_(
        "refusal",
        "no sensor that reported this alert can be asked: it came from a file, or the sensor's token is"
        " revoked",
    ),
    NC_("refusal", "%(name)s is asked for the packets of %(count)s alerts already"),
    NC_("refusal", "no live sensor has told this"),
    NC_("refusal", "the alert names no entry of the baseline"),
    NC_("refusal", "a rhythm is not accepted but forgotten and learned again"),
    NC_("refusal", "a point is known already; what is accepted is a value of it, as an alert names it"),
    NC_("refusal", "the request comes from another site"),
    NC_("refusal", "the CSRF token is missing or wrong (header %(header)s or form field %(field)s)"),
    NC_("refusal", "this needs the role %(role)s"),
    NC_("refusal", "a password is changed in a session, not with a token"),
    NC_("refusal", "the present password is wrong"),
    NC_("refusal", "a token is made in a session, not with another token"),
    NC_("refusal", "only an admin revokes other people's tokens"),
    NC_("refusal", "wrong name or password"),
    NC_("refusal", "too many failed logins; try again in %(count)s seconds"),
    NC_("refusal", "The request does not fit its description"),
    NC_("refusal", "No sensor could run this; nothing is changed"),
    NC_("refusal", "The body is larger than %(most)s bytes"),
    NC_("refusal", "The body came too slowly"),
    NC_("refusal", "The console's disk is full"),
    NC_("refusal", "The store cannot answer now"),
    NC_("refusal", "Something went wrong here; the console's log says what"),
    NC_("refusal", "tshark or pyshark is not installed"),
    NC_("refusal", "Wireshark took longer than %(count)s seconds"),
    NC_("refusal", "the dissection is too large to show"),
    NC_("refusal", "the decoder took longer than %(count)s seconds; try again"),
)
"""Whole messages, the longer of two that begin alike first."""

FIELDS: dict[str, tuple[str, str]] = {
    "name": ("field", NC_("field", "Name")),
    "zone": ("field", NC_("field", "Zone")),
    "role": ("field", NC_("field", "Role")),
    "site": ("input", NC_("input", "Site")),
    "note": ("input", NC_("input", "Note")),
    "password": ("input", NC_("input", "Password")),
}
"""Inputs a sentence may begin with, with their context; others are named as the API names them."""


def told(language: str, message: str) -> str:
    """A refusal in the reader's language; as it is where nobody has translated it."""
    match = found(SENTENCES, message)
    if match is None:
        return message
    sentence, values = match
    say = translations(language).pgettext
    if values.get("role") in WORDS["user"]:
        values["role"] = word(language, "user", values["role"])
    if language != "en" and values.get("field") in FIELDS:
        values["field"] = say(*FIELDS[values["field"]])
    return say("refusal", sentence) % values
