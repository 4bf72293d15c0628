"""The console: is it there, is it the right one, does it still know this sensor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from console.agent.check.finding import Finding, advice, bad, good
from console.agent.identity import IdentityError, load_identity
from console.agent.settings import SensorSettings
from console.agent.uplink.client import Client, Unreachable, WrongConsole

ENROL = "make a code in the console under Sensors, then: fieldwatch sensor enrol https://CONSOLE:8600 CODE"


def check_console(settings: SensorSettings) -> Iterator[Finding]:
    """One request with the sensor's token; it changes nothing."""
    try:
        identity = load_identity(settings.state)
    except IdentityError as error:
        yield bad(f"console: {error}", ENROL)
        return
    if identity is None:
        yield advice("console: this sensor is not enrolled, so what it finds stays in its spool", ENROL)
        return
    client = Client(identity.url, identity.certificates, identity.token, settings.proxy)
    try:
        answer = client.request("GET", "/sensor/configuration")
    except WrongConsole as error:
        yield bad(
            f"console: {error}",
            "if the console has a new certificate, enrol the sensor again; else somebody sits in between",
        )
        return
    except Unreachable as error:
        yield bad(
            f"console: cannot be reached: {error}",
            "check the address, the route and the firewall; meanwhile alerts wait in the spool",
        )
        return
    finally:
        client.close()
    if answer.status in (401, 403):
        yield bad(f"console: knows this sensor's token no more ({answer.detail})", ENROL)
    elif answer.status >= 400:
        yield bad(f"console: {identity.url} answers {answer.detail}", "check that it is a Fieldwatch console")
    else:
        yield good(f"console: {identity.url} knows this sensor as {identity.sensor}")
        yield from _check_offset(answer.headers.get("date", ""), settings.limits.clock_skew_s)


def _check_offset(date: str, most: float) -> Iterator[Finding]:
    try:
        offset = time.time() - parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return
    if abs(offset) > most + 1:  # the header counts whole seconds
        yield advice(
            f"clock: differs from the console's by about {abs(offset):.0f} s",
            "give both machines the same time server",
        )
