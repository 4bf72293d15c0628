"""What sensors should run: for all of them and for each site, with its history and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from starlette.datastructures import UploadFile

from console.auth.access import Address, Admin, Principal, TheStore, Viewer
from console.fleet import edits
from console.fleet.checking import Fault
from console.fleet.configuration import (
    ALL,
    DEFAULTS,
    RULES,
    SINGLE_TEXTS,
    DesiredConfigurations,
    Running,
    running,
    scope_of_site,
)
from console.fleet.edits import SITE, ConfigurationRefused
from console.store.errors import StoreError
from console.store.filters import LEVELS
from console.store.interface import Store
from console.store.records import ConfigurationContent, SensorRecord
from console.web.rendering import back, render

router = APIRouter()
Scope = Annotated[str, Query(max_length=200)]
RUNNERS = 20
"""Sensors that are shown at once, those that do not run what they should first; the others unfold."""
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Runner:
    """A sensor and what it runs."""

    sensor: SensorRecord
    running: Running


@dataclass(frozen=True, slots=True)
class Part:
    """A text of a configuration in the list: `own` where this scope has it, else it comes from above."""

    name: str
    size: int
    own: bool


def scope_url(scope: str) -> str:
    """The page of a scope."""
    return f"/configuration?scope={scope}" if scope else "/configuration"


@router.get("/configuration")
def show_configuration(request: Request, principal: Viewer, store: TheStore, scope: Scope = ALL) -> Response:
    """What a scope says now, who runs it, and how it came about."""
    sensors = [sensor for sensor in store.sensors() if sensor.registered and not sensor.revoked]
    configured = {version.scope for version in store.configurations(limit=500)}
    sites = sorted(
        {sensor.site for sensor in sensors} | {name.removeprefix(SITE) for name in configured - {ALL}}
    )
    if scope != ALL and scope.removeprefix(SITE) not in sites:
        raise HTTPException(404, "there is no such site")
    newest = store.newest_configuration(scope)
    content = newest[1] if newest else ConfigurationContent()
    above = store.newest_configuration(ALL) if scope != ALL else None
    configurations: DesiredConfigurations = request.app.state.desired
    runners = [
        Runner(sensor, running(sensor.state, configurations.of(sensor.site)))
        for sensor in sensors
        if scope in (ALL, scope_of_site(sensor.site))
    ]
    return render(
        request,
        "configuration.html",
        principal,
        scope=scope,
        scopes=[(ALL, None), *((scope_of_site(site), site) for site in sites)],
        version=newest[0] if newest else None,
        parts=parts_of(content, above[1] if above else None),
        values={**DEFAULTS, **(above[1].values if above else {}), **content.values},
        disabled="\n".join(content.values.get("disabled", [])),
        accepted=len(content.values.get("accepted", [])),
        own=content.values,
        history=store.configurations(scope, MOST_SHOWN),
        runners=sorted(runners, key=lambda each: (each.running.state == "current", each.sensor.name)),
        shown=RUNNERS,
        levels=LEVELS,
        singles=SINGLE_TEXTS,
    )


def parts_of(content: ConfigurationContent, above: ConfigurationContent | None) -> list[Part]:
    """The texts of a scope and those it takes from above, rule files last."""
    inherited = above.texts if above else {}
    names = sorted({*content.texts, *inherited}, key=lambda name: (name.startswith(RULES), name))
    return [
        Part(name, len(content.texts.get(name) or inherited.get(name, "")), name in content.texts)
        for name in names
    ]


def _editor(
    request: Request,
    principal: Principal,
    scope: str,
    part: str,
    text: str,
    base: str,
    present: bool,
    faults: list[Fault],
    note: str = "",
) -> Response:
    return render(
        request,
        "configuration_part.html",
        principal,
        status=422 if faults else 200,
        scope=scope,
        part=part,
        text=text,
        base=base,
        present=present,
        faults=faults,
        note=note,
        singles=SINGLE_TEXTS,
    )


@router.get("/configuration/part")
def show_part(
    request: Request,
    principal: Viewer,
    store: TheStore,
    scope: Scope = ALL,
    part: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """One text, to read or to change; a new one where `part` is empty or not there yet."""
    newest = store.newest_configuration(scope)
    text = newest[1].texts.get(part) if newest else None
    if text is None and scope != ALL:
        above = store.newest_configuration(ALL)
        shown = above[1].texts.get(part, "") if above else ""
    else:
        shown = text or ""
    base = str(newest[0]) if newest else ""
    return _editor(request, principal, scope, part, shown, base, text is not None, [])


@router.post("/configuration/part")
async def change_part(request: Request, principal: Admin, store: TheStore, address: Address) -> Response:
    """Keep a text, or take it out; a faulty one is refused with its lines and shown again."""
    # Read here, after it is known who asks: this body may be larger than others.
    form = await request.form()

    def field(name: str) -> str:
        value = form.get(name, "")
        return value if isinstance(value, str) else ""

    uploaded = form.get("file")
    text = field("text")
    if isinstance(uploaded, UploadFile) and uploaded.filename:
        try:
            text = (await uploaded.read()).decode("utf-8-sig")
        except UnicodeDecodeError:
            return back(scope_url(field("scope")), "refused", why="UTF-8?")
    return await anyio.to_thread.run_sync(
        lambda: _change_part(
            request,
            principal,
            store,
            address,
            scope=field("scope"),
            part=field("part").strip(),
            text=text.replace("\r\n", "\n"),
            base=field("base"),
            note=field("note")[:2000],
            remove=field("action") == "remove",
        )
    )


def _change_part(
    request: Request,
    principal: Principal,
    store: Store,
    address: str,
    *,
    scope: str,
    part: str,
    text: str,
    base: str,
    note: str,
    remove: bool,
) -> Response:
    def change(content: ConfigurationContent) -> None:
        if remove:
            content.texts.pop(part, None)
        else:
            content.texts[part] = text

    if part not in SINGLE_TEXTS and not part.startswith(RULES):
        part = RULES + part
    try:
        with store.acting_from(address):
            before = store.newest_version(scope)
            if base != ("" if before is None else str(before)):
                return back(scope_url(scope), "changed_meanwhile")
            version, advice = edits.edit(store, scope, change, note, principal.name)
    except ConfigurationRefused as error:
        return _editor(request, principal, scope, part, text, base, False, error.faults, note)
    except StoreError as error:
        return back(scope_url(scope), "refused", why=str(error))
    kept = "configuration_same" if version.version == before else "configuration_kept"
    if advice and not remove:
        kept = "configuration_advised"
    said = str(advice[0])[:300] if advice else ""
    return back(scope_url(scope), kept, version=version.version, advice=said)


@router.post("/configuration/values")
def change_values(
    principal: Admin,
    store: TheStore,
    address: Address,
    scope: Annotated[str, Form(max_length=200)] = ALL,
    shipped_rules: Annotated[str, Form()] = "",
    evidence_level: Annotated[str, Form()] = "",
    disabled: Annotated[str, Form(max_length=500_000)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Change the small settings; an empty choice takes them from above."""
    wanted: dict[str, Any] = {
        "shipped_rules": {"yes": True, "no": False}.get(shipped_rules),
        "evidence_level": evidence_level if evidence_level in LEVELS else None,
        "disabled": sorted({line.strip() for line in disabled.splitlines() if line.strip()}) or None,
    }

    def change(content: ConfigurationContent) -> None:
        for name, value in wanted.items():
            content.values.pop(name, None)
            if value is not None:
                content.values[name] = value

    try:
        with store.acting_from(address):
            before = store.newest_version(scope)
            version, _ = edits.edit(store, scope, change, note, principal.name)
    except (StoreError, ConfigurationRefused) as error:
        return back(scope_url(scope), "refused", why=str(error))
    kept = "configuration_same" if version.version == before else "configuration_kept"
    return back(scope_url(scope), kept, version=version.version)


@router.get("/configuration/{version}")
def show_version(request: Request, version: int, principal: Viewer, store: TheStore) -> Response:
    """One version with all its texts."""
    record, content = store.configuration(version)
    return render(
        request,
        "configuration_version.html",
        principal,
        record=record,
        content=content,
        newest=store.newest_version(record.scope) == version,
    )


@router.post("/configuration/{version}/restore")
def restore(version: int, principal: Admin, store: TheStore, address: Address) -> Response:
    """Make an earlier version's content the newest again."""
    scope = store.configuration(version)[0].scope
    try:
        with store.acting_from(address):
            kept = edits.restore(store, version, principal.name)
    except (StoreError, ConfigurationRefused) as error:
        return back(scope_url(scope), "refused", why=str(error))
    return back(scope_url(scope), "configuration_kept", version=kept.version)
