"""From files to rules. Every problem of a file is reported at once, with its line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rules.attack import UnknownTechnique, attack_table, technique
from rules.expression import Expression, Is, OneOf, both
from rules.fields import Category, fields_of
from rules.language.complaints import sentence
from rules.language.detection import read_detection, unknown_field
from rules.language.model import RuleModel
from rules.language.problems import Problem, RuleError, suggestion
from rules.language.source import MOST_BYTES, Source, read_source
from rules.language.testing import read_tests
from rules.rule import Rule
from rules.templates import placeholders

PACKS = Path(__file__).parent.parent / "packs"
"""The rules that ship with Fieldwatch."""
MOST_RULES = 20_000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_rule(text: str, path: Path) -> Rule:
    """The rule in `text`; `path` names it in errors. Raises RuleError with every problem found."""
    source = read_source(text, path)
    if not isinstance(source.value, dict):
        raise RuleError([*source.problems, Problem(path, 1, 1, "a rule is a YAML map with title, id, …")])
    model: RuleModel | None = None
    try:
        model = RuleModel.model_validate(source.value)
    except ValidationError as error:
        for item in error.errors():
            trail, text_, at_key = sentence(item)
            source.complain(trail, text_, at_key)
    category = _category(source.value)
    detection = None
    if category and isinstance(source.value.get("detection"), dict):
        detection = read_detection(source, category)
    if category and isinstance(source.value.get("fieldwatch"), dict):
        _check_texts(source, source.value["fieldwatch"], category)
    _check_tags(source)
    if model is not None:
        tests = read_tests(source, model)
    if source.problems or model is None or detection is None:
        raise RuleError(source.problems)
    extension = model.fieldwatch
    service = model.logsource.service
    return Rule(
        id=model.id,
        name=path.stem,
        path=path,
        title=model.title,
        title_zh=extension.title_zh,
        description=model.description.strip(),
        status=model.status,
        level=model.level,
        category=model.logsource.category,
        service=service,
        detection=detection,
        condition=_condition(detection, service, extension.requires),
        tags=tuple(model.tags),
        falsepositives=tuple(model.falsepositives),
        references=tuple(model.references),
        author=model.author,
        date=model.date,
        message=extension.message.strip(),
        message_zh=extension.message_zh.strip(),
        group_by=tuple(extension.group_by),
        quiet_ns=int(extension.quiet[:-1]) * _SECONDS[extension.quiet[-1]] * 10**9,
        advice=(extension.advice or "").strip(),
        advice_zh=(extension.advice_zh or "").strip(),
        requires=tuple(extension.requires),
        tests=tests,
    )


def load_file(path: Path) -> Rule:
    """The rule in a file. Raises RuleError, also where the file cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise RuleError([Problem(path, 0, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RuleError([Problem(path, line, 1, "not UTF-8; save the file as UTF-8")]) from None
    return read_rule(text, path)


def rule_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and every .yaml or .yml file below the folders, in the order of names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file())
        else:
            yield path


def load(paths: Iterable[Path]) -> tuple[list[Rule], list[Problem]]:
    """Every rule that can be used, and every problem of the others. An id used twice is a problem."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    owners: dict[str, Path] = {}
    for number, path in enumerate(rule_files(paths)):
        if number >= MOST_RULES:
            problems.append(
                Problem(path, 0, 0, f"more than {MOST_RULES} rules; this and the rest are left out")
            )
            break
        try:
            rule = load_file(path)
        except RuleError as error:
            problems.extend(error.problems)
            continue
        if rule.id in owners:
            problems.append(Problem(path, 0, 0, f"the id {rule.id} already belongs to {owners[rule.id]}"))
            continue
        owners[rule.id] = path
        rules.append(rule)
    return rules, problems


def load_rules(paths: Iterable[Path] = (PACKS,)) -> list[Rule]:
    """Every rule of these files and folders. Raises RuleError if any cannot be used."""
    rules, problems = load(paths)
    if problems:
        raise RuleError(problems)
    return rules


def _category(document: dict[str, Any]) -> Category | None:
    logsource = document.get("logsource")
    category = logsource.get("category") if isinstance(logsource, dict) else None
    return category if category in ("behaviour", "asset") else None


def _condition(detection: Expression, service: str | None, requires: list[Any]) -> Expression:
    parts: list[Expression] = []
    if service:
        parts.append(OneOf("network.protocol", frozenset({service})))
    if "baseline" in requires:
        parts.append(Is("baseline.learned", True))
    return both(*parts, detection)


def _check_texts(source: Source, extension: dict[str, Any], category: Category) -> None:
    known = fields_of(category)
    for key in ("message", "message_zh"):
        template = extension.get(key)
        if not isinstance(template, str):
            continue
        try:
            names = placeholders(template)
        except ValueError as error:
            source.complain(("fieldwatch", key), f"{key}: {error}")
            continue
        for name in names:
            if name not in known:
                source.complain(("fieldwatch", key), f"{key}: {unknown_field(name, category)}")
    group_by = extension.get("group_by")
    if isinstance(group_by, list):
        for place, name in enumerate(group_by):
            if name not in known:
                source.complain(("fieldwatch", "group_by", place), unknown_field(str(name), category))
    elif category == "asset":
        text = "a rule about assets needs `group_by`, such as [asset.id]: the default is for traffic"
        source.complain(("fieldwatch",), text, True)


def _check_tags(source: Source) -> None:
    tags = source.value.get("tags")
    tactics = {slug for _, slug in attack_table().tactics.values()}
    for place, tag in enumerate(tags if isinstance(tags, list) else ()):
        namespace, _, name = str(tag).partition(".")
        trail = ("tags", place)
        if namespace != "attack":
            continue
        if name[:1] == "t" and name[1:2].isdigit():
            try:
                technique(name)
            except UnknownTechnique as error:
                source.complain(trail, str(error))
        elif name not in tactics:
            hint = suggestion(name, tactics)
            source.complain(trail, f"{name!r} is not a tactic of ATT&CK for ICS{hint}")
