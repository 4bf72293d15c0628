"""The keys of a rule file: the one description that the loader and the JSON Schema share.

What `detection` may hold is checked by `rules.language.detection`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sensor.protocols.protocol import NAMES

UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
DURATION = r"^[1-9][0-9]{0,4}[smhd]$"
TAG = r"^[a-z0-9_-]+\.[a-z0-9._-]+$"
CAPTURE = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"

Line = Annotated[str, Field(min_length=1, max_length=256)]
Text = Annotated[str, Field(min_length=1, max_length=8192)]
if TYPE_CHECKING:
    Service = str
else:
    Service = Literal[tuple(NAMES.values())]


class Strict(BaseModel):
    """No key but the described ones, no conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LogsourceModel(Strict):
    """What the rule looks at."""

    product: Literal["fieldwatch"] = Field(description="always `fieldwatch`")
    category: Literal["behaviour", "asset"] = Field(
        description="`behaviour` for what machines say to each other, `asset` for changes of assets"
    )
    service: Service | None = Field(None, description="the only protocol the rule is about")
    definition: Text | None = Field(None, description="what must be so for the rule to work")


class TestModel(Strict):
    """One test of the rule."""

    name: Line = Field(description="the situation, in a few words")
    fires: bool = Field(description="whether the rule must match (true) or stay silent (false)")
    documents: list[dict[str, Any]] | None = Field(
        None, min_length=1, description="behaviours or asset changes: maps of field names to values"
    )
    capture: str | None = Field(None, pattern=CAPTURE, description="a capture, its path relative to pcaps/")


class ExtensionModel(Strict):
    """What Sigma has no key for."""

    title_zh: Line = Field(description="the title in Chinese")
    message: Text = Field(
        description="the alert's sentence, with fields in braces: `{source.ip} stopped {destination.ip}`"
    )
    message_zh: Text = Field(description="the alert's sentence in Chinese")
    group_by: list[str] = Field(
        ["source.ip", "destination.ip"],
        min_length=1,
        max_length=8,
        description="fields whose values make it the same alert; default source.ip and destination.ip",
    )
    quiet: str = Field(
        "1h",
        pattern=DURATION,
        description="a repeat after this long a pause is a new alert, such as `30m`, `1h`, `1d`",
    )
    advice: Text | None = Field(None, description="what to do about such an alert")
    advice_zh: Text | None = Field(None, description="what to do, in Chinese")
    requires: list[Literal["baseline"]] = Field(
        [], description="`baseline`: the rule is inactive until a baseline has been learned"
    )
    tests: list[TestModel] = Field([], max_length=100, description="tests of the rule")


class RelatedModel(Strict):
    """A relation to another rule."""

    id: str = Field(pattern=UUID, description="the other rule's id")
    type: Literal["derived", "obsolete", "merged", "renamed", "similar"] = Field(description="the relation")


class HeadingModel(Strict):
    """What every rule has."""

    title: Line = Field(description="what happened, in one line")
    id: str = Field(pattern=UUID, description="a UUID in lower case, never used for another rule")
    name: Line | None = Field(None, description="a short name, by which correlations refer to it")
    related: list[RelatedModel] = Field([], description="relations to other rules")
    status: Literal["stable", "test", "experimental", "deprecated", "unsupported"] = Field(
        description="`experimental` is a draft; `deprecated` and `unsupported` rules are not matched"
    )
    description: Text = Field(description="what the rule finds and why it matters")
    license: Line | None = Field(None, description="SPDX identifier")
    references: list[Text] = Field([], description="where one can read more")
    author: Line = Field(description="who wrote it")
    date: str = Field(pattern=DATE, description="when it was written, such as 2026-11-22")
    modified: str | None = Field(
        None, pattern=DATE, description="when it was last changed, such as 2026-11-22"
    )
    tags: list[Annotated[str, Field(pattern=TAG)]] = Field(
        [], description="ATT&CK techniques and tactics: `attack.t0858`, `attack.execution`"
    )
    falsepositives: list[Text] = Field(
        min_length=1, description="when the same thing is harmless, so that an analyst can tell"
    )
    level: Literal["informational", "low", "medium", "high", "critical"] = Field(description="how bad it is")
    fieldwatch: ExtensionModel = Field(description="what Sigma has no key for")


class RuleModel(HeadingModel):
    """A Fieldwatch rule: Sigma 2 with the key `fieldwatch`."""

    logsource: LogsourceModel = Field(description="what the rule looks at")
    detection: dict[str, Any] = Field(description="search identifiers and the condition that joins them")


class ThresholdModel(Strict):
    """From when on a count matters."""

    gte: Annotated[int, Field(ge=1)] | None = Field(None, description="at least so many")
    gt: Annotated[int, Field(ge=0)] | None = Field(None, description="more than so many")
    field: str | None = Field(None, description="value_count: the field whose different values are counted")


class SequenceModel(Strict):
    """How rules follow each other."""

    type: Literal["event_count", "value_count", "temporal", "temporal_ordered"] = Field(
        description="messages, different values, all of the rules, or all of them in their order"
    )
    rules: list[Line] = Field(
        min_length=1, max_length=20, description="names or ids of the rules that must match"
    )
    generate: bool = Field(False, description="whether those rules make alerts of their own as well")
    group_by: list[str] = Field(
        alias="group-by",
        min_length=1,
        max_length=8,
        description="fields, or aliases of fields, whose values make matches belong together",
    )
    aliases: dict[Line, dict[Line, Line]] = Field(
        {},
        max_length=8,
        description="names for what is another field in each rule: {alias: {rule: field}}",
    )
    timespan: str = Field(
        pattern=DURATION, description="how long a time is looked at, such as `30s`, `5m`, `1h`"
    )
    condition: ThresholdModel | None = Field(None, description="from how many on; not for temporal types")


class CorrelationModel(HeadingModel):
    """A Sigma 2 correlation with the key `fieldwatch`."""

    correlation: SequenceModel = Field(description="which rules must match, how often, in how long a time")
