"""`fieldwatch sensor`: listen at a mirror port, enrol with a console, say what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from console.agent.identity import Identity
    from console.agent.settings import SensorSettings
    from console.agent.sources import Source

app = typer.Typer(
    help="Run a sensor at a mirror port; enrol it with a console.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Configuration = Annotated[
    Path | None, typer.Option("--config", help="Settings (YAML); else /etc/fieldwatch/sensor.yaml")
]
State = Annotated[Path | None, typer.Option(help="Folder for spool, evidence, identity and what was learned")]
Interfaces = Annotated[
    list[str] | None, typer.Option("--interface", "-i", help="Mirror port; may be repeated")
]


@app.command()
def run(
    interface: Interfaces = None,
    replay: Annotated[
        str | None, typer.Option(help="Play this capture instead of listening, with its own times")
    ] = None,
    speed: Annotated[str, typer.Option(help="How much faster than recorded: 1, 10, max")] = "1",
    filter: Annotated[
        str | None, typer.Option("--filter", "-f", help="BPF filter, or `tcpdump -ddd` output")
    ] = None,
    config: Configuration = None,
    state: State = None,
    name: Annotated[str | None, typer.Option(help="Name in documents; else that of the enrolment")] = None,
    user: Annotated[str | None, typer.Option(help="Become this user when the sockets are open")] = None,
    learn: Annotated[
        str | None, typer.Option(help="Learn what is normal for so long from the first packet ever: 7d")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="What is normal, from `baseline learn`")] = None,
    site: Annotated[Path | None, typer.Option(help="Site file")] = None,
    rules: Annotated[
        list[Path] | None, typer.Option(help="Rule files or folders beside those that ship")
    ] = None,
    shipped_rules: Annotated[bool | None, typer.Option(help="Use the rules that ship")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Where /metrics and /healthz are: 127.0.0.1:9464, or none")
    ] = None,
    evidence: Annotated[bool | None, typer.Option(help="Keep the last packets on disk")] = None,
) -> None:
    """Watch until told to stop: analyse, keep, deliver."""
    from console.commands.logs import log_as_json, log_lines
    from console.commands.output import fail

    settings = _settings(
        config,
        {
            "interfaces": tuple(interface or ()),
            "filter": filter,
            "state": state,
            "name": name,
            "user": user,
            "learn": learn,
            "baseline": baseline,
            "site": site,
            "rules": tuple(rules or ()),
            "shipped_rules": shipped_rules,
            "metrics": metrics,
            "evidence.enabled": evidence,
        },
    )
    if bool(settings.interfaces) == bool(replay):
        fail("name a mirror port with -i, or a capture with --replay", 2)
    factor = _factor(speed)
    (log_as_json if settings.log == "json" else log_lines)()
    raise typer.Exit(_run(settings, replay, factor))


def _factor(speed: str) -> float:
    from console.commands.output import fail

    if speed == "max":
        return 0.0
    try:
        factor = float(speed.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < 1e6:
        fail(f"--speed: {speed!r} is no factor; write 1, 10 or max", 2)
    return factor


def _run(settings: SensorSettings, replay: str | None, speed: float) -> int:
    import secrets

    from console.agent import privileges
    from console.agent.identity import IdentityError, load_identity
    from console.agent.plan import kept_bundle, own_plan, sent_plan
    from console.agent.service import Service
    from console.agent.settings import SettingsError
    from console.agent.spool.errors import SpoolError
    from console.commands.kernels import compile_kernels
    from console.commands.output import fail
    from sensor.capture.errors import CaptureError

    try:
        settings.state.mkdir(mode=0o750, parents=True, exist_ok=True)
        identity = load_identity(settings.state)
        own = own_plan(settings)
        bundle = kept_bundle(settings.state) if identity else None
        plan = sent_plan(bundle, settings, own) if bundle else own
    except (SettingsError, IdentityError, ValueError) as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{settings.state}: {error.strerror}", 1)
    compile_kernels()
    run_id = secrets.token_hex(6)
    try:
        source = _source(settings, replay, speed, run_id)
        service = Service(
            settings, source, own, plan, identity, _name(settings, identity), run_id, remember=source.live
        )
    except (CaptureError, SettingsError) as error:
        fail(str(error), 1)
    except SpoolError as error:
        fail(f"{settings.state / 'spool.db'}: {error}; does another sensor use this folder?", 1)
    except OSError as error:
        fail(f"{settings.state}: {error.strerror}", 1)
    try:
        privileges.drop(settings.user, keep_raw=False, folders=(settings.state,))
    except privileges.PrivilegeError as error:
        fail(str(error), 1)

    def reload() -> None:
        try:
            wrong = service.apply_own(own_plan(settings))
        except SettingsError as error:
            wrong = str(error)
        typer.echo(f"fieldwatch: reloaded{f': {wrong}' if wrong else ''}", err=True)

    service.handle_signals(reload)
    try:
        return service.run()
    except CaptureError as error:
        typer.echo(f"fieldwatch: {error}", err=True)
        return 1


def _source(settings: SensorSettings, replay: str | None, speed: float, run_id: str) -> Source:
    from console.agent.sources import Live, Replay

    if replay is not None:
        return Replay(replay, speed)
    live = Live(settings.interfaces, settings.filter or "", run_id, settings.ring_megabytes << 20)
    for note in live.notes:
        typer.echo(f"fieldwatch: {note}", err=True)
    return live


def _name(settings: SensorSettings, identity: Identity | None) -> str:
    import socket

    if settings.name:
        return settings.name
    return identity.sensor if identity else socket.gethostname() or "sensor"


def _settings(config: Path | None, overrides: dict[str, Any]) -> SensorSettings:
    from console.agent.settings import SettingsError, load_settings
    from console.commands.output import fail

    try:
        settings = load_settings(config, overrides)
    except SettingsError as error:
        fail(str(error), 2)
    return settings


@app.command()
def enrol(
    console: Annotated[str, typer.Argument(help="The console's address: https://HOST:PORT")],
    code: Annotated[str, typer.Argument(help="The one-time code that the console shows")],
    name: Annotated[
        str | None, typer.Option(help="This sensor's name, where the code was not made for one")
    ] = None,
    config: Configuration = None,
    state: State = None,
    fingerprint: Annotated[
        str, typer.Option(help="SHA-256 of the console's certificate, where the code does not carry it")
    ] = "",
    trust_first_use: Annotated[
        bool, typer.Option("--trust-first-use", help="Trust the certificate that is shown, and say which")
    ] = False,
    insecure_http: Annotated[
        bool, typer.Option("--insecure-http", help="Let the token go in clear text to another machine")
    ] = False,
) -> None:
    """Make this sensor known to a console, and the console's certificate to this sensor."""
    from console.agent.enrol import EnrolmentRefused
    from console.agent.enrol import enrol as do_enrol
    from console.commands.output import fail

    settings = _settings(config, {"state": state})

    def trust(shown: str) -> bool:
        typer.echo(f"The console's certificate has the fingerprint {shown}", err=True)
        return trust_first_use

    try:
        identity = do_enrol(
            console,
            code,
            name or settings.name,
            settings.state,
            fingerprint,
            trust,
            insecure_http,
            settings.proxy,
        )
    except EnrolmentRefused as error:
        fail(str(error), 1)
    typer.echo(f"Enrolled as {identity.sensor} (site {identity.site}) with {identity.url}")


@app.command()
def status(
    config: Configuration = None,
    state: State = None,
    metrics: Annotated[str | None, typer.Option(help="Where the sensor's /healthz is")] = None,
) -> None:
    """What this sensor is, and whether it is capturing."""
    import httpx

    from console.agent.identity import IdentityError, load_identity
    from console.commands.output import fail

    settings = _settings(config, {"state": state, "metrics": metrics})
    try:
        identity = load_identity(settings.state)
    except IdentityError as error:
        fail(str(error), 1)
    if identity is None:
        typer.echo("not enrolled with a console")
    else:
        typer.echo(f"enrolled as {identity.sensor} (site {identity.site}) with {identity.url}")
    if settings.metrics is None:
        typer.echo("whether it runs is not told: metrics are off")
        return
    try:
        answer = httpx.get(f"http://{settings.metrics}/healthz", timeout=5, trust_env=False)
        told: dict[str, Any] = json.loads(answer.text)
    except (httpx.HTTPError, ValueError):
        typer.echo(f"not running (nothing answers at {settings.metrics})")
        raise typer.Exit(1) from None
    typer.echo("capturing" if told.get("capturing") else "running, but stuck")
    for condition in told.get("conditions", []):
        typer.echo(f"condition: {condition}")
    if not told.get("capturing"):
        raise typer.Exit(1)


@app.command()
def check(
    interface: Interfaces = None,
    config: Configuration = None,
    state: State = None,
    seconds: Annotated[float, typer.Option(min=0, max=600, help="Listen for so long; 0: not at all")] = 5.0,
) -> None:
    """Say what is missing, in plain words, and how to mend it. Ends with 1 where something is."""
    from console.agent.check.all import check_all

    settings = _settings(config, {"interfaces": tuple(interface or ()), "state": state})
    marks = {"good": "ok  ", "advice": "hint", "bad": "BAD "}
    wrong = 0
    for finding in check_all(settings, seconds):
        typer.echo(f"{marks[finding.grade]}  {finding.text}")
        if finding.remedy:
            typer.echo(f"      -> {finding.remedy}")
        wrong += finding.grade == "bad"
    raise typer.Exit(1 if wrong else 0)


@app.command()
def unit() -> None:
    """Print the systemd unit: fieldwatch sensor unit > /etc/systemd/system/fieldwatch-sensor@.service"""
    import shutil
    import sys
    from importlib.resources import files

    text = (files("console.agent") / "fieldwatch-sensor@.service").read_text("utf-8")
    own = Path(sys.argv[0])
    command = str(own.resolve()) if own.name == "fieldwatch" else shutil.which("fieldwatch")
    typer.echo(text.replace("@FIELDWATCH@", command or "/opt/fieldwatch/bin/fieldwatch"), nl=False)
