"""From the text of a file to a rule. Every problem of the file is reported at once."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rules.attack import UnknownTechnique, attack_table, technique
from rules.expression import Expression, Is, OneOf, both
from rules.fields import FIELDS, Category, RuleField, fields_of
from rules.language.complaints import sentence
from rules.language.detection import read_detection, unknown_field
from rules.language.model import CorrelationModel, HeadingModel, RuleModel
from rules.language.problems import Problem, RuleError, suggestion
from rules.language.source import Source, read_source
from rules.language.testing import read_tests
from rules.rule import AnyRule, Correlation, Rule, RuleTest
from rules.templates import placeholders

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_Model = TypeVar("_Model", bound=HeadingModel)


def read_rule(text: str, path: Path) -> AnyRule:
    """The rule in `text`; `path` names it in errors. Raises RuleError with every problem found."""
    source = read_source(text, path)
    if not isinstance(source.value, dict):
        raise RuleError([*source.problems, Problem(path, 1, 1, "a rule is a YAML map with title, id, …")])
    rule = _correlation(source) if "correlation" in source.value else _plain(source)
    if source.problems or rule is None:
        raise RuleError(source.problems)
    return rule


def _plain(source: Source) -> Rule | None:
    model = _validated(source, RuleModel)
    category = _category(source.value)
    detection = None
    if category and isinstance(source.value.get("detection"), dict):
        detection = read_detection(source, category)
    if category:
        _check_texts(source, fields_of(category), category)
        if category == "asset" and not _extension(source).get("group_by"):
            text = "a rule about assets needs `group_by`, such as [asset.id]: the default is for traffic"
            source.complain(("fieldwatch",), text, True)
    _check_tags(source)
    if model is None or category is None:
        return None
    service, requires = model.logsource.service, model.fieldwatch.requires
    defaults: dict[str, Any] = {"baseline.learned": True} if "baseline" in requires else {}
    if service:
        defaults["network.protocol"] = service
    tests = read_tests(source, model.fieldwatch.tests, category, defaults)
    if detection is None:
        return None
    return Rule(
        **_heading(source, model, tests),
        group_by=tuple(model.fieldwatch.group_by),
        category=category,
        service=service,
        detection=detection,
        condition=_condition(detection, service, requires),
        requires=tuple(requires),
    )


def _correlation(source: Source) -> Correlation | None:
    model = _validated(source, CorrelationModel)
    for key in ("logsource", "detection"):
        if key in source.value:
            source.complain((key,), f"a correlation has no {key!r}: that is in the rules it names", True)
    for key in ("group_by", "requires"):
        if key in _extension(source):
            where = "is correlation.group-by" if key == "group_by" else "stands in the rules it names"
            source.complain(("fieldwatch", key), f"in a correlation {key!r} {where}", True)
    _check_texts(source, FIELDS, "behaviour")
    _check_tags(source)
    if model is None:
        return None
    sequence = model.correlation
    threshold = field = None
    if sequence.condition:
        given = sequence.condition
        field = given.field
        threshold = given.gte if given.gte is not None else None if given.gt is None else given.gt + 1
        if given.gte is not None and given.gt is not None:
            source.complain(("correlation", "condition"), "write either gte or gt", True)
    counts = sequence.type in ("event_count", "value_count")
    if counts and threshold is None:
        source.complain(("correlation",), "the condition is missing, such as `condition: {gte: 10}`", True)
    if not counts and sequence.condition:
        source.complain(("correlation", "condition"), f"{sequence.type} takes no condition", True)
    if not counts and len(set(sequence.rules)) < 2:
        source.complain(("correlation", "rules"), f"{sequence.type} needs at least two different rules")
    if (sequence.type == "value_count") != bool(field):
        text = "needs `field`, whose values are counted" if not field else "takes no `field`"
        source.complain(("correlation", "condition"), f"the condition of {sequence.type} {text}", True)
    tests = read_tests(source, model.fieldwatch.tests, None, {})
    return Correlation(
        **_heading(source, model, tests),
        group_by=tuple(sequence.group_by),
        kind=sequence.type,
        rules=tuple(sequence.rules),
        generate=sequence.generate,
        timespan_ns=_nanoseconds(sequence.timespan),
        threshold=threshold or 0,
        field=field or "",
        aliases=tuple((alias, tuple(fields.items())) for alias, fields in sequence.aliases.items()),
    )


def _validated(source: Source, kind: type[_Model]) -> _Model | None:
    try:
        return kind.model_validate(source.value)
    except ValidationError as error:
        for item in error.errors():
            source.complain(*sentence(item, kind))
        return None


def _heading(source: Source, model: HeadingModel, tests: tuple[RuleTest, ...]) -> dict[str, Any]:
    extension = model.fieldwatch
    if model.name is not None and model.name != source.path.stem:
        source.complain(("name",), f"the name is the file's, {source.path.stem!r}; leave the key out")
    return {
        "id": model.id,
        "name": source.path.stem,
        "path": source.path,
        "title": model.title,
        "title_zh": extension.title_zh,
        "description": model.description.strip(),
        "status": model.status,
        "level": model.level,
        "tags": tuple(model.tags),
        "falsepositives": tuple(model.falsepositives),
        "references": tuple(model.references),
        "author": model.author,
        "date": model.date,
        "message": extension.message.strip(),
        "message_zh": extension.message_zh.strip(),
        "quiet_ns": _nanoseconds(extension.quiet),
        "advice": (extension.advice or "").strip(),
        "advice_zh": (extension.advice_zh or "").strip(),
        "tests": tests,
        "digest": sha256(source.text.encode()).hexdigest(),
    }


def _nanoseconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]] * 10**9


def _extension(source: Source) -> dict[str, Any]:
    extension = source.value.get("fieldwatch")
    return extension if isinstance(extension, dict) else {}


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


def _check_texts(source: Source, known: dict[str, RuleField], category: Category) -> None:
    extension = _extension(source)
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
