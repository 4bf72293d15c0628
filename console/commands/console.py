"""`fieldwatch console`: serve the API and the pages, manage accounts and sensors, load finished runs."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from console.store import open_store
from console.store.errors import StoreError
from console.store.interface import Store
from console.store.records import Envelope, Role

app = typer.Typer(
    help="Serve the API and the web pages; manage users and sensors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
user_app = typer.Typer(help="Accounts.", no_args_is_help=True)
sensor_app = typer.Typer(help="Sensors that may deliver over HTTP.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(sensor_app, name="sensor")

StorePath = Annotated[Path, typer.Option("--store", help="The store's file; made where there is none.")]
SettingsPath = Annotated[Path | None, typer.Option("--settings", help="Settings file (YAML).")]
DEFAULT_STORE = Path("fieldwatch.db")
MOST_CONNECTIONS = 1000
"""Connections at once; whoever comes after them hears 503."""
ACTOR = "console"
"""Who the audit log names for what is done on the command line."""
_LINES = (("asset", "assets.jsonl"), ("behaviour", "behaviours.jsonl"), ("alert", "alerts.jsonl"))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Store]:
    try:
        store = open_store(path)
    except StoreError as error:
        raise _stop(error) from error
    try:
        yield store
    except StoreError as error:
        raise _stop(error) from error
    finally:
        store.close()


def _stop(reason: object, code: int = 1) -> typer.Exit:
    typer.echo(f"fieldwatch console: {reason}", err=True)
    return typer.Exit(code)


@app.command()
def serve(
    store: StorePath = DEFAULT_STORE,
    settings: SettingsPath = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 8600,
    tls: Annotated[
        bool, typer.Option("--tls", help="Serve HTTPS with a certificate made at the first start.")
    ] = False,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", "--tls-cert", help="PEM file; serves HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's key.")] = None,
) -> None:
    """Serve the API and the web pages until interrupted."""
    import uvicorn

    from console.app import create_app
    from console.auth.first_admin import NAME, first_admin
    from console.commands.logs import log_lines
    from console.fleet.certificate import CertificateError, fingerprint, own_certificate, own_names
    from console.settings import SettingsError, load_settings

    log_lines()
    try:
        loaded = load_settings(settings)
    except SettingsError as error:
        raise _stop(error, 2) from error
    if (tls_certificate is None) != (tls_key is None):
        raise _stop("--tls-certificate and --tls-key belong together", 2)
    for file in (tls_certificate, tls_key):
        if file is not None and not file.is_file():
            raise _stop(f"{file}: no such file", 2)
    try:
        if tls and tls_certificate is None:
            tls_certificate, tls_key = own_certificate(store.absolute().parent, own_names(host))
        shown = (*([tls_certificate] if tls_certificate else []), *loaded.sensors.certificates)
        certificates = tuple(dict.fromkeys(fingerprint(file) for file in shown))
    except CertificateError as error:
        raise _stop(error) from error
    if tls_certificate is not None:
        loaded = loaded.model_copy(update={"https": True})
    if not _is_loopback(host) and not loaded.https:
        typer.echo(
            f"Warning: {host} is reachable from other machines and passwords go in clear text.", err=True
        )
    with _opened(store) as opened:
        password = first_admin(opened)
        if password is not None:
            typer.echo(f"First start. Log in as {NAME} with the password {password}")
            typer.echo("It is shown this once; change it after logging in.")
        scheme = "https" if tls_certificate is not None else "http"
        typer.echo(f"Serving {store} at {scheme}://{host}:{port}")
        if tls_certificate is not None:
            typer.echo(f"Its certificate has the SHA-256 fingerprint {certificates[0]}")
        application = create_app(opened, loaded, certificates)
        # Pages name it where they say how to analyse into it.
        application.state.store_path = str(store)
        uvicorn.run(
            application,
            host=host,
            port=port,
            ssl_certfile=tls_certificate,
            ssl_keyfile=tls_key,
            log_level="warning",
            server_header=False,
            # Forwarded addresses are judged by `trusted_proxies`, in one place.
            proxy_headers=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=MOST_CONNECTIONS,
            h11_max_incomplete_event_size=32_768,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@app.command()
def ingest(
    folders: Annotated[list[Path], typer.Argument(help="Folders that `analyze --out` has written.")],
    store: StorePath = DEFAULT_STORE,
    sensor: Annotated[str, typer.Option(help="The name the documents are stored under.")] = "analyze",
) -> None:
    """Load finished runs into a store; the same run again changes nothing."""
    from console.store.delivery import deliver

    with _opened(store) as opened:
        for folder in folders:
            try:
                receipt = deliver(opened, sensor, list(_documents_of(folder)))
            except (OSError, ValueError) as error:
                raise _stop(f"{folder}: {error}") from error
            typer.echo(
                f"{folder}: already stored"
                if receipt.duplicate
                else f"{folder}: {receipt.new_alerts} new alerts, {receipt.updated_alerts} updated, "
                f"{receipt.silenced_alerts} silenced; {receipt.new_assets} new assets, "
                f"{receipt.new_behaviours} new behaviours"
            )


def _documents_of(folder: Path) -> Iterator[Envelope]:
    if not folder.is_dir():
        raise ValueError("no such folder")
    for kind, name in _LINES:
        file = folder / name
        if not file.exists():
            continue
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                yield Envelope(kind, _object(line, f"{name}, line {number}"))  # type: ignore[arg-type]
    summary = folder / "summary.json"
    if summary.exists():
        yield Envelope("summary", _object(summary.read_bytes(), summary.name))


def _object(text: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{where}: not a JSON object")
    return found


@user_app.command("add")
def user_add(
    name: str,
    role: Annotated[str, typer.Option(help="viewer, analyst or admin.")] = "viewer",
    store: StorePath = DEFAULT_STORE,
    settings: SettingsPath = None,
) -> None:
    """Create an account; the password is asked for, or made and printed when left empty."""
    from console.store.records import ROLES

    if role not in ROLES:
        raise _stop(f"--role: not one of {', '.join(ROLES)}", 2)
    chosen: Role = role
    with _opened(store) as opened:
        opened.add_user(name, chosen, _new_password(settings), ACTOR)
    typer.echo(f"{name} may log in as {role}")


@user_app.command("password")
def user_password(name: str, store: StorePath = DEFAULT_STORE, settings: SettingsPath = None) -> None:
    """Set an account's password; its sessions end."""
    with _opened(store) as opened:
        opened.user(name)
        opened.set_password(name, _new_password(settings), ACTOR)
    typer.echo(f"the password of {name} is changed")


@user_app.command("list")
def user_list(store: StorePath = DEFAULT_STORE) -> None:
    """All accounts: name, role, state, last login."""
    with _opened(store) as opened:
        for user in opened.users():
            state = "disabled" if user.disabled else "enabled"
            typer.echo(f"{user.name}\t{user.role}\t{state}\t{user.last_login or 'never'}")


def _new_password(settings: Path | None) -> str:
    """Ask for a new password and return its hash."""
    from console.auth.passwords import PasswordRefused, hash_password, random_password
    from console.settings import SettingsError, load_settings

    password = typer.prompt("Password (empty: make one)", default="", show_default=False, hide_input=True)
    try:
        if password:
            return hash_password(password, load_settings(settings).login.password_length)
        password = random_password()
        hashed = hash_password(password, 1)
    except (PasswordRefused, SettingsError) as error:
        raise _stop(error, 2) from error
    typer.echo(f"password: {password}")
    return hashed


@sensor_app.command("add")
def sensor_add(
    name: str,
    site: Annotated[str, typer.Option(help="Where it listens.")] = "default",
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Register a sensor and print its token, this once."""
    with _opened(store) as opened:
        typer.echo(opened.add_sensor(name, site, ACTOR))


@sensor_app.command("enrol")
def sensor_enrol(
    name: Annotated[str | None, typer.Argument(help="Without it the sensor chooses its own.")] = None,
    site: Annotated[str, typer.Option(help="Where it listens.")] = "default",
    hours: Annotated[float, typer.Option(min=0.01, max=168, help="How long the code can be used.")] = 1,
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file the console serves; its fingerprint goes into the code.")
    ] = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Make a one-time code for `fieldwatch sensor enrol` and print it, this once."""
    from console.fleet.certificate import CERTIFICATE, CertificateError, fingerprint
    from console.fleet.codes import new_code
    from console.store.times import HOUR, now

    own = store.absolute().parent / CERTIFICATE
    try:
        shown = certificate or (own if own.exists() else None)
        code, code_hash = new_code(fingerprint(shown) if shown else None)
    except CertificateError as error:
        raise _stop(error) from error
    with _opened(store) as opened:
        opened.add_enrolment(code_hash, name, site, now() + int(hours * HOUR), ACTOR)
    typer.echo(code)


@sensor_app.command("revoke")
def sensor_revoke(name: str, store: StorePath = DEFAULT_STORE) -> None:
    """Make a sensor's token useless; what it delivered stays."""
    with _opened(store) as opened:
        opened.revoke_sensor(name, ACTOR)
    typer.echo(f"the token of {name} works no more")


@sensor_app.command("list")
def sensor_list(store: StorePath = DEFAULT_STORE) -> None:
    """All sensors: name, site, state, last delivery."""
    with _opened(store) as opened:
        for sensor in opened.sensors():
            state = "revoked" if sensor.revoked else "registered" if sensor.registered else "unregistered"
            typer.echo(f"{sensor.name}\t{sensor.site}\t{state}\t{sensor.last_seen or 'never'}")
