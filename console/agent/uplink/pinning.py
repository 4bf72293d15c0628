"""TLS to one certificate, whoever signed it: the one that was seen when the sensor was enrolled."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Collection
from typing import Any, cast


class WrongCertificate(ssl.SSLCertVerificationError):
    """Somebody else answered, or the console has a new certificate; `fingerprint` is the one shown."""

    fingerprint: str = ""


class _PinnedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        context = cast(PinnedContext, self.context)
        certificate = self.getpeercert(binary_form=True) or b""
        shown = hashlib.sha256(certificate).hexdigest()
        context.shown = shown
        if not any(shown.startswith(pin) for pin in context.pins):
            error = WrongCertificate(
                f"the console shows a certificate with the fingerprint {shown}, which is not the pinned one"
            )
            error.fingerprint = shown
            raise error


class PinnedContext(ssl.SSLContext):
    """Accepts certificates whose SHA-256 begins with one of `pins`, and no others, on every connection.

    Names and authorities are not looked at: the fingerprint says more. An empty pin accepts any
    certificate and is for learning `shown`, the fingerprint of the last one, only.
    """

    sslsocket_class = _PinnedSocket
    pins: tuple[str, ...]
    shown: str

    def __new__(cls, pins: Collection[str]) -> PinnedContext:
        """See ssl.SSLContext."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made.pins = tuple(pin.lower() for pin in pins)
        made.shown = ""
        return made

    def __init__(self, pins: Collection[str]) -> None:
        self.check_hostname = False
        self.verify_mode = ssl.CERT_NONE
        self.minimum_version = ssl.TLSVersion.TLSv1_2

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """Not offered: it would go past the pin."""
        raise NotImplementedError("only sockets are pinned")


def fingerprint_of(host: str, port: int, seconds: float = 10) -> str:
    """The SHA-256 of the certificate a server shows, whoever it is. Raises OSError."""
    context = PinnedContext([""])
    with (
        socket.create_connection((host, port), seconds) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        return context.shown
