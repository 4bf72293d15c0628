"""What a console sends down to its sensors: one versioned bundle, known by the digest of its content."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MOST_FILES = 2000
MOST_CHARACTERS = 256 << 10
"""Of one rule file."""
MOST_TEXT = 4 << 20
"""Characters of a baseline, a site file or suppressions."""


def canonical(content: dict[str, Any]) -> bytes:
    """The one way to write a bundle's content: JSON, keys sorted, no blanks, UTF-8."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def digest_of(content: dict[str, Any]) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the content's canonical form."""
    return "sha256:" + hashlib.sha256(canonical(content)).hexdigest()


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or "\0" in path or ".." in parts:
        raise ValueError("not a path inside the rules' folder")
    if not path.endswith((".yaml", ".yml")):
        raise ValueError("rule files end in .yaml or .yml")
    return path


RulePath = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_inside)]
RuleText = Annotated[str, Field(max_length=MOST_CHARACTERS)]
LongText = Annotated[str, Field(max_length=MOST_TEXT)]
Level = Literal["informational", "low", "medium", "high", "critical"]


class Content(BaseModel):
    """What a sensor is to run. Fields it does not know are left alone: a newer console may send them."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    shipped_rules: bool = True
    rules: dict[RulePath, RuleText] = Field(default_factory=dict, max_length=MOST_FILES)
    disabled: list[Annotated[str, Field(max_length=128)]] = Field(default_factory=list, max_length=10_000)
    baseline: LongText | None = None
    accepted: list[dict[str, Any] | str] = Field(default_factory=list, max_length=100_000)
    suppressions: LongText | None = None
    site: LongText | None = None
    evidence_level: Level = "high"
    settings: dict[str, Any] = Field(default_factory=dict)


class Bundle(BaseModel):
    """A version of it. `digest` is of `content` as it was sent, before anything was left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    version: int = Field(ge=1, le=2**53, strict=True)
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    content: Content


class BundleRefused(ValueError):
    """A bundle that cannot be run; the message says what is wrong and where."""


def read_bundle(answer: Any) -> Bundle:
    """A bundle as the console sent it, its digest checked. Raises BundleRefused."""
    if not isinstance(answer, dict) or not isinstance(answer.get("content"), dict):
        raise BundleRefused("not a bundle: no content")
    digest = digest_of(answer["content"])
    if answer.get("digest") != digest:
        raise BundleRefused(f"the content's digest is {digest}; the bundle says {answer.get('digest')!r}")
    try:
        return Bundle.model_validate(answer)
    except ValueError as error:
        errors = getattr(error, "errors", None)
        first = errors(include_input=False)[0] if errors else {"loc": (), "msg": str(error)}
        place = ".".join(str(part)[:200] for part in first["loc"]) or "bundle"
        raise BundleRefused(f"{place}: {first['msg']}") from error
