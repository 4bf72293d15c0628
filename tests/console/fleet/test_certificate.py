"""The console's own certificate: made once, good for TLS, known by its fingerprint."""

from __future__ import annotations

import hashlib
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from console.fleet.certificate import CertificateError, fingerprint, own_certificate, own_names


def test_it_is_made_once_and_serves_tls(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path, ("localhost", "127.0.0.1"))
    assert own_certificate(tmp_path, ("other",)) == (certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(certificate))
    here, there = socket.socketpair()
    shown: list[bytes | None] = []

    def connect() -> None:
        with client.wrap_socket(there, server_hostname="localhost") as tls:
            shown.append(tls.getpeercert(binary_form=True))

    thread = threading.Thread(target=connect)
    thread.start()
    with server.wrap_socket(here, server_side=True):
        thread.join(10)
    assert shown[0] is not None
    assert hashlib.sha256(shown[0]).hexdigest() == fingerprint(certificate)


def test_what_is_no_certificate_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("hello")
    for name in ("x.pem", "absent.pem"):
        with pytest.raises(CertificateError, match=name):
            fingerprint(tmp_path / name)


def test_names_of_this_machine_hold_the_address_it_listens_on() -> None:
    assert "192.0.2.7" in own_names("192.0.2.7")
    assert "0.0.0.0" not in own_names("0.0.0.0")
