"""The certificate the console shows: its fingerprint, and a self-signed one where there is no other."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

CERTIFICATE, KEY = "console-certificate.pem", "console-key.pem"
VALID_DAYS = 3650
"""A sensor pins the certificate: it ends when it is replaced, not when a date has come."""
_PEM_END = "-----END CERTIFICATE-----"


class CertificateError(Exception):
    """A certificate that cannot be read or made; the message names the file."""


def fingerprint(path: Path) -> str:
    """SHA-256 over the DER of the first certificate in a PEM file, in lower-case hex."""
    try:
        text = path.read_text("ascii")
        begin = text.index("-----BEGIN CERTIFICATE-----")
        pem = text[begin : text.index(_PEM_END, begin) + len(_PEM_END)]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise CertificateError(f"{path}: no PEM certificate in it") from error


def own_certificate(folder: Path, hosts: tuple[str, ...]) -> tuple[Path, Path]:
    """The self-signed certificate and its key in `folder`, made where they are missing.

    P-256, for the names and addresses in `hosts`. Sensors trust it by its fingerprint, which their
    enrolment code carries; browsers ask once. The key can be read by its owner only.
    """
    certificate, key = folder / CERTIFICATE, folder / KEY
    if certificate.exists() and key.exists():
        return certificate, key
    # Loaded here: who brings a certificate, or serves behind a proxy, never needs it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fieldwatch console")])
    begin = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    try:
        _write(
            key,
            secret.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            0o600,
        )
        _write(certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)
    except OSError as error:
        raise CertificateError(f"{folder}: {error.strerror}") from error
    return certificate, key


def _general_name(host: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, content: bytes, mode: int) -> None:
    """All of it or nothing, and never readable by more than `mode` says."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def own_names(host: str) -> tuple[str, ...]:
    """What this machine may be called by those who connect: its names, and the address it listens on."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname(), socket.getfqdn()]
    if host not in ("", "0.0.0.0", "::"):
        names.append(host)
    return tuple(dict.fromkeys(name for name in names if name))
