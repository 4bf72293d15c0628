"""The rules that ship with Fieldwatch and those that fired: what each finds, and how often it did."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from fastapi import APIRouter, HTTPException, Request, Response

from console.auth.access import TheStore, Viewer
from console.store.filters import LEVELS, AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import Page, RuleRecord
from console.web.pages.techniques import named_techniques
from console.web.queries import known_only, offset_of, one
from console.web.rendering import language_of, render
from console.web.vocabulary import word
from rules.language.loader import PACKS, load
from rules.rule import AnyRule

router = APIRouter()
ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as the list shows it: shipped, fired, or both."""

    name: str
    title: str
    title_zh: str | None
    level: str
    pack: str
    techniques: tuple[str, ...]
    shipped: bool
    open_alerts: int
    alerts: int
    last_seen: str | None


@cache
def shipped() -> dict[str, AnyRule]:
    """The rules of the packs, by id; they change only with the installation."""
    rules, _problems = load([PACKS])
    return {rule.id: rule for rule in rules}


def row(rule: AnyRule | None, fired: RuleRecord | None) -> RuleRow:
    """One line of the list from whatever is known of a rule."""
    if rule is not None:
        return RuleRow(
            rule.name,
            rule.title,
            rule.title_zh,
            rule.level,
            rule.path.parent.name,
            rule.techniques,
            True,
            fired.open_alerts if fired else 0,
            fired.alerts if fired else 0,
            fired.last_seen if fired else None,
        )
    assert fired is not None
    return RuleRow(
        fired.name,
        fired.title,
        fired.title_zh,
        fired.level,
        "",
        tuple(fired.techniques),
        False,
        fired.open_alerts,
        fired.alerts,
        fired.last_seen,
    )


def rows(store: Store) -> list[RuleRow]:
    """All rules, the ones that fired most first, then the worst."""
    fired = {rule.id: rule for rule in store.rules()}
    known = shipped()
    found = [row(rule, fired.get(identifier)) for identifier, rule in known.items()]
    found += [row(None, rule) for identifier, rule in fired.items() if identifier not in known]
    rank = {level: number for number, level in enumerate(LEVELS)}
    return sorted(found, key=lambda each: (-each.alerts, -rank.get(each.level, 0), each.name))


@router.get("/rules")
def list_rules(request: Request, principal: Viewer, store: TheStore) -> Response:
    """Every rule with its hits."""
    language, query = language_of(request), request.query_params
    every = rows(store)
    levels, pack, text = (
        known_only(query.getlist("level"), LEVELS),
        one(query, "pack"),
        (one(query, "q") or "").lower(),
    )
    shown = [
        each
        for each in every
        if (not levels or each.level in levels)
        and (pack is None or each.pack == pack)
        and all(
            part in f"{each.name} {each.title} {each.title_zh or ''} {' '.join(each.techniques)}".lower()
            for part in text.split()
        )
    ]
    offset = offset_of(query)
    rows_here = shown[offset : offset + ON_A_PAGE]
    more = len(shown) > offset + len(rows_here)
    return render(
        request,
        "rules.html",
        principal,
        page=Page(rows_here, len(shown), True, "more" if more else None),
        order=PageRequest(limit=ON_A_PAGE, offset=offset),
        total=len(every),
        levels=[(level, word(language, "level", level)) for level in reversed(LEVELS)],
        packs=sorted({(each.pack, each.pack) for each in every if each.pack}),
    )


@router.get("/rules/{name}")
def show_rule(request: Request, name: str, principal: Viewer, store: TheStore) -> Response:
    """One rule: what it finds, when it is harmless, its source and its latest alerts."""
    rule = next((rule for rule in shipped().values() if name in {rule.name, rule.id}), None)
    fired = next((each for each in store.rules() if name in {each.name, each.id}), None)
    if rule is None and fired is None:
        raise HTTPException(404, f"no rule is called {name}")
    alerts = store.alerts(AlertFilter(rules=(fired.id,)), PageRequest(limit=10)) if fired else None
    return render(
        request,
        "rule.html",
        principal,
        row=row(rule, fired),
        rule=rule,
        source=rule.path.read_text("utf-8") if rule else None,
        alerts=alerts.items if alerts else [],
        techniques=named_techniques(row(rule, fired).techniques),
    )
