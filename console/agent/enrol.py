"""Enrolment: a one-time code becomes a token of the sensor's own, and a certificate to hold on to."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from console.agent.code import read_code
from console.agent.identity import Identity
from console.agent.uplink.client import Client, Unreachable, WrongConsole
from console.agent.uplink.pinning import fingerprint_of
from console.agent.versions import versions


class EnrolmentRefused(Exception):
    """The sensor was not enrolled; the message says why and what to do."""


def checked_url(url: str, insecure: bool = False) -> str:
    """The console's address without a path. Raises EnrolmentRefused."""
    parts = urlsplit(url if "//" in url else f"https://{url}")
    try:
        port = parts.port
    except ValueError as error:
        raise EnrolmentRefused(f"{url}: {error}") from error
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise EnrolmentRefused(f"{url}: write the console's address as https://HOST:PORT")
    if parts.scheme == "http" and not (insecure or _is_loopback(parts.hostname)):
        raise EnrolmentRefused(
            f"{url}: the token would go in clear text; give the console a certificate, or say --insecure-http"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def enrol(
    url: str,
    code: str,
    name: str | None,
    folder: Path,
    fingerprint: str = "",
    trust: Callable[[str], bool] = lambda shown: False,
    insecure: bool = False,
    proxy: str | None = None,
) -> Identity:
    """Enrol with the console at `url` and keep the identity in `folder`.

    The certificate must begin with the fingerprint in the code, or with `fingerprint`; where neither
    is known, `trust` is asked about the one shown. Raises EnrolmentRefused.
    """
    address = checked_url(url, insecure)
    try:
        parsed = read_code(code)
    except ValueError as error:
        raise EnrolmentRefused(str(error)) from error
    pin = fingerprint.replace(":", "").lower() or parsed.fingerprint
    if address.startswith("https") and not pin:
        pin = _asked(address, trust)
    client = Client(address, (pin,) if pin else (), proxy=proxy)
    body = {"code": parsed.text, "versions": versions(), **({"name": name} if name else {})}
    try:
        answer = client.request("POST", "/sensors/enrol", json=body)
    except WrongConsole as error:
        raise EnrolmentRefused(
            f"{error}. Either this is not the console that made the code, or somebody sits in between"
        ) from error
    except Unreachable as error:
        raise EnrolmentRefused(str(error)) from error
    finally:
        client.close()
    if not 200 <= answer.status < 300 or not isinstance(answer.content, dict):
        raise EnrolmentRefused(f"the console says no: {answer.detail}")
    told = answer.content
    certificates = [client.context.shown, *map(str, told.get("certificates") or [])]
    try:
        identity = Identity(
            sensor=told["sensor"],
            token=told["token"],
            url=address,
            site=told.get("site", "default"),
            certificates=tuple(dict.fromkeys(item.lower() for item in certificates if item)),
            enrolled=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    except (KeyError, ValueError) as error:
        raise EnrolmentRefused(
            "the console's answer holds no name and token; is it a Fieldwatch console?"
        ) from error
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        identity.save(folder)
    except OSError as error:
        raise EnrolmentRefused(
            f"{folder}: the token cannot be kept there: {error.strerror}. The code is used up; make another"
        ) from error
    return identity


def _asked(address: str, trust: Callable[[str], bool]) -> str:
    parts = urlsplit(address)
    try:
        shown = fingerprint_of(parts.hostname or "", parts.port or 443)
    except OSError as error:
        raise EnrolmentRefused(f"{address}: {error.strerror or error}") from error
    if not trust(shown):
        raise EnrolmentRefused(
            f"the console shows a certificate with the fingerprint {shown}; "
            "compare it with the console's and say --fingerprint"
        )
    return shown
