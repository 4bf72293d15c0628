"""Reads a baseline file back; what it cannot read it names with file, line and column."""

from __future__ import annotations

from pathlib import Path

import yaml

from rules.baseline.document import READABLE, VERSION
from rules.baseline.model import Baseline
from rules.baseline.nodes import BaselineError, Reader
from rules.baseline.sections.registry import SECTIONS

MOST_OCTETS = 64 << 20

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises BaselineError."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_OCTETS + 1)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MOST_OCTETS:
        raise BaselineError(f"{path}: larger than {MOST_OCTETS >> 20} MiB: this is no baseline")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BaselineError(f"{path}:{line}: not UTF-8") from None
    return baseline_of_text(text, path)


def baseline_of_text(text: str, path: Path) -> Baseline:
    """The baseline in `text`; `path` names it in errors. Raises BaselineError."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise BaselineError(f"{path}{place}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        what = " ".join(str(error).split())
        raise BaselineError(f"{path}: not valid YAML: {what}") from None
    if node is None:
        raise BaselineError(f"{path}: the file is empty")
    return _baseline(Reader(path), node)


def _baseline(reader: Reader, node: yaml.Node) -> Baseline:
    entries = reader.map(node, "a baseline")
    if "fieldwatch_baseline" not in entries:
        reader.fail(node, f"this is not a baseline: the line `fieldwatch_baseline: {VERSION}` is missing")
    version_node = entries["fieldwatch_baseline"][1]
    version = reader.text(version_node, "the version")
    if version not in READABLE:
        reader.fail(
            version_node,
            f"baseline format {version!r} cannot be read, this Fieldwatch reads format"
            f" {' and '.join(READABLE)}; learn the baseline again, or use the Fieldwatch that wrote it",
        )
    required = ("fieldwatch_baseline", *(section.name for section in SECTIONS if section.required))
    optional = tuple(section.name for section in SECTIONS if not section.required)
    parts = reader.chosen(node, entries, "a baseline", required, optional)
    baseline = Baseline()
    for section in SECTIONS:
        if section.name in parts:
            section.read(reader, parts[section.name], baseline)
    return baseline
