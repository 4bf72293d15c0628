"""From files to sets of rules. Every problem is reported at once, with its line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rules.fields import Category, fields_of
from rules.language.detection import unknown_field
from rules.language.problems import Problem, RuleError, suggestion
from rules.language.reading import read_rule
from rules.language.source import MOST_BYTES, Source, Trail, read_source
from rules.rule import AnyRule, Correlation, Rule

PACKS = Path(__file__).parent.parent / "packs"
"""The rules that ship with Fieldwatch."""
MOST_RULES = 20_000


def load_file(path: Path) -> AnyRule:
    """The rule in a file. Raises RuleError, also where the file cannot be read.

    What a correlation refers to is only known in a set: see `load`.
    """
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


def load(paths: Iterable[Path]) -> tuple[list[AnyRule], list[Problem]]:
    """Every rule that can be used, and every problem of the others. An id used twice is a problem."""
    rules: list[AnyRule] = []
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
    known = {key: rule for rule in rules if isinstance(rule, Rule) for key in (rule.id, rule.name)}
    result: list[AnyRule] = []
    for rule in rules:
        if isinstance(rule, Correlation):
            found, wrong = resolved(rule, known)
            problems.extend(wrong)
            if found is not None:
                result.append(found)
        else:
            result.append(rule)
    return result, problems


def load_rules(paths: Iterable[Path] = (PACKS,)) -> list[AnyRule]:
    """Every rule of these files and folders. Raises RuleError if any cannot be used."""
    rules, problems = load(paths)
    if problems:
        raise RuleError(problems)
    return rules


def resolved(rule: Correlation, known: dict[str, Rule]) -> tuple[Correlation | None, list[Problem]]:
    """The correlation with the ids of its rules, or what is wrong; `known` is by id and by name."""
    wrong: list[tuple[Trail, str]] = []
    bases = []
    for place, reference in enumerate(rule.rules):
        base = known.get(reference)
        if base is None:
            hint = suggestion(reference, known)
            text = f"there is no rule {reference!r}{hint}; name it by its file without .yaml or by its id"
            text += ", and load it together with this one"
            wrong.append((("correlation", "rules", place), text))
        else:
            bases.append(base)
    categories = {base.category for base in bases}
    if len(categories) > 1:
        wrong.append(
            (("correlation", "rules"), "rules about traffic and rules about assets cannot be correlated")
        )
    elif not wrong:
        category = categories.pop()
        fields = fields_of(category)
        known_aliases = {alias for alias, _ in rule.aliases}
        for key, names in (("group-by", rule.group_by), ("condition", (rule.field,) if rule.field else ())):
            for name in names:
                if name not in fields and name not in known_aliases:
                    wrong.append((("correlation", key), unknown_field(name, category)))
        wrong += _wrong_aliases(rule, category)
    if wrong:
        source = source_of(rule)
        places = [source.place(trail) if source else (0, 0) for trail, _ in wrong]
        return None, [
            Problem(rule.path, *place, text) for place, (_, text) in zip(places, wrong, strict=True)
        ]
    ids = {reference: base.id for reference, base in zip(rule.rules, bases, strict=True)}
    aliases = tuple(
        (alias, tuple((ids[reference], field) for reference, field in named)) for alias, named in rule.aliases
    )
    return replace(rule, rules=tuple(base.id for base in bases), aliases=aliases), []


def _wrong_aliases(rule: Correlation, category: Category) -> Iterator[tuple[Trail, str]]:
    fields = fields_of(category)
    for alias, named in rule.aliases:
        where = ("correlation", "aliases", alias)
        if alias in fields:
            yield where, f"{alias!r} is a field already; choose another name for the alias"
        if alias not in (*rule.group_by, rule.field):
            yield where, f"nothing uses the alias {alias!r}"
        for reference, field in named:
            if reference not in rule.rules:
                yield (*where, reference), f"the correlation does not name a rule {reference!r}"
            if field not in fields:
                yield (*where, reference), unknown_field(field, category)
        missing = set(rule.rules) - {reference for reference, _ in named}
        if missing:
            yield where, f"the alias has no field for {', '.join(sorted(missing))}"


def source_of(rule: AnyRule) -> Source | None:
    """The rule's file once more, for the places of its keys; None where it is gone."""
    with suppress(OSError, UnicodeDecodeError, RuleError):
        return read_source(rule.path.read_text("utf-8-sig"), rule.path)
    return None
