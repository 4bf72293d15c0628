"""What a sensor runs: rules, site and baseline, from its own files or as the console sent them.

Everything is read and checked before anything of what runs is touched.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from console.agent.accepted import decisions_of
from console.agent.bundle import Bundle, BundleRefused, Level, read_bundle
from console.agent.files import write_whole
from console.agent.settings import SensorSettings, SettingsError
from rules.baseline.decisions import Decision
from rules.baseline.model import Baseline
from rules.baseline.reading import baseline_of_text, read_baseline
from rules.language.loader import PACKS, load
from rules.language.problems import Problem, RuleError
from rules.rule import AnyRule, Correlation
from rules.site.model import Site
from rules.site.reading import load_site, site_of_text
from rules.site.suppressions import suppressions_of_text

FILE = "configuration.json"
FOLDER = "configuration"
TOLD = 5
"""Problems that a refusal names."""


class Plan(NamedTuple):
    """`version` 0 is the sensor's own files. `baseline` None leaves the one that is in use."""

    rules: tuple[AnyRule, ...]
    site: Site
    baseline: Baseline | None
    evidence_level: Level
    version: int = 0
    digest: str = ""
    decisions: tuple[Decision, ...] = ()
    """What analysts accepted."""


def own_plan(settings: SensorSettings) -> Plan:
    """The plan of the sensor's own settings. Raises SettingsError."""
    for path in settings.rules:
        if not path.exists():
            raise SettingsError(f"rules: {path}: no such file or folder")
    rules, problems = load([*([PACKS] if settings.shipped_rules else []), *settings.rules])
    if problems:
        raise SettingsError(_first(problems))
    try:
        site = load_site(settings.site) if settings.site else Site()
        baseline = read_baseline(settings.baseline) if settings.baseline else None
    except RuleError as error:
        raise SettingsError(_first(error.problems)) from error
    except (OSError, ValueError) as error:
        raise SettingsError(str(error)) from error
    return Plan(tuple(rules), site, baseline, settings.evidence.level)


def sent_plan(bundle: Bundle, settings: SensorSettings, own: Plan) -> Plan:
    """The plan of a bundle; what it leaves open is as in `own`. Raises BundleRefused, nothing changed."""
    content = bundle.content
    rules = _rules(bundle, settings)
    try:
        site = site_of_text(content.site, Path("site")) if content.site is not None else own.site
        if content.suppressions is not None:
            more = suppressions_of_text(content.suppressions, Path("suppressions"))
            site = replace(site, suppressions=(*site.suppressions, *more))
        baseline = None
        if content.baseline is not None:
            baseline = baseline_of_text(content.baseline, Path("baseline"))
        decisions = decisions_of(item for item in content.accepted if isinstance(item, dict))
    except RuleError as error:
        raise BundleRefused(_first(error.problems)) from error
    except ValueError as error:
        raise BundleRefused(str(error)) from error
    return Plan(rules, site, baseline, content.evidence_level, bundle.version, bundle.digest, decisions)


def _rules(bundle: Bundle, settings: SensorSettings) -> tuple[AnyRule, ...]:
    content = bundle.content
    folder = settings.state / FOLDER / f"{bundle.version}-{bundle.digest[-12:]}"
    try:
        for path, text in content.rules.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8", newline="")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeEncodeError) as error:
        raise BundleRefused(f"the rules cannot be kept: {error}") from error
    rules, problems = load([*([PACKS] if content.shipped_rules else []), folder])
    if problems:
        shutil.rmtree(folder, ignore_errors=True)
        raise BundleRefused(_first(problems).replace(f"{folder}/", "rules/"))
    return without(rules, content.disabled)


def without(rules: list[AnyRule], disabled: list[str]) -> tuple[AnyRule, ...]:
    """The rules that are not disabled, and correlations none of whose rules is."""
    off = set(disabled)
    left = [rule for rule in rules if rule.id not in off]
    return tuple(rule for rule in left if not (isinstance(rule, Correlation) and off & set(rule.rules)))


def _first(problems: Sequence[Problem]) -> str:
    told = "; ".join(str(problem) for problem in problems[:TOLD])
    return told + (f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else "")


def keep_bundle(answer: dict[str, object], bundle: Bundle, folder: Path) -> None:
    """Remember what runs, for the next start; forget the rules of earlier versions. Raises OSError."""
    write_whole(folder / FILE, json.dumps(answer).encode())
    current = f"{bundle.version}-{bundle.digest[-12:]}"
    for old in (folder / FOLDER).iterdir():
        if old.name != current:
            shutil.rmtree(old, ignore_errors=True)


def kept_bundle(folder: Path) -> Bundle | None:
    """What ran last; None where there is none, or it is damaged: the console sends it again."""
    try:
        return read_bundle(json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, BundleRefused):
        return None
