"""Why alerts are taken for one incident, how sure that is, and what typically comes next."""

from __future__ import annotations

from collections.abc import Sequence

from rules.incidents.phrases import TACTIC_NAMES, Language
from rules.incidents.sighting import LEVELS, Sighting
from rules.incidents.tactics import PHASE

_HIGH = LEVELS.index("high")


def confidence_of(group: Sequence[Sighting], advance: tuple[Sighting, Sighting] | None) -> float:
    """How sure it is that this is one story and a bad one: 0.1 to 0.95, two digits.

    Several rules, an order that attacks have, and a loud alert speak for it; several actors (joined by
    time and place only) and announced work speak against it.
    """
    own = [item for item in group if not item.explained]
    value = 0.4
    value += 0.2 if advance is not None else 0.0
    value += 0.05 * min(4, len({item.rule for item in own}) - 1)
    value += 0.05 * min(2, len({tactic for item in own for tactic in item.tactics}) - 1)
    value += 0.1 if any(item.level >= _HIGH for item in own) else 0.0
    value -= 0.15 if len(_actors(group)) > 1 else 0.0
    value -= 0.2 * (len(group) - len(own)) / len(group)
    return round(min(0.95, max(0.1, value)), 2)


def explanation(
    group: Sequence[Sighting], advance: tuple[Sighting, Sighting] | None, language: Language
) -> str:
    """What joins the alerts and what sets the level, in a few sentences."""
    actors = _actors(group)
    announced = sum(item.explained for item in group)
    zh = language == "zh"
    if len(actors) > 1:
        lines = [
            f"{len(group)} 条告警按时间和去向关联："
            "先受影响的主机随后成为来源，或同一区域短时间内受到同样的操作。"
            if zh
            else f"{len(group)} alerts joined by time and place: who was reached acted next, "
            "or the same was done to one zone within minutes."
        ]
    elif actors:
        lines = [
            f"{len(group)} 条告警来自同一来源 {actors[0]}。"
            if zh
            else f"{len(group)} alerts, all of {actors[0]}."
        ]
    else:
        lines = [
            f"{len(group)} 条告警涉及同一设备。" if zh else f"{len(group)} alerts about the same machines."
        ]
    if advance is not None:
        first, then = (_tactic(item, language) for item in advance)
        lines.append(
            f"先出现“{first}”，后出现“{then}”，与攻击的推进顺序一致：使其推进的告警按高一级计。"
            if zh
            else f"{first} came before {then}, the order in which attacks go on: "
            "the alert that advances it counts one level more."
        )
    else:
        lines.append(
            "尚未出现逐步推进的迹象，级别取最高告警的级别。"
            if zh
            else "No advance from one phase to the next so far: the level is that of the highest alert."
        )
    if announced:
        lines.append(
            f"其中 {announced} 条属于已登记的检修工作，不计入推进。"
            if zh
            else f"{announced} of them by announced work, which advances nothing."
        )
    return ("" if zh else " ").join(lines)


def outlook(tactics: Sequence[str], language: Language) -> str:
    """What typically comes next, as what it is: experience, not a forecast."""
    names = [TACTIC_NAMES[tactic].said(language) for tactic in tactics if tactic in TACTIC_NAMES]
    if language == "zh":
        if not names:
            return "已到最后阶段：在已公开的案例中，此后是破坏本身，而不是其他战术。"
        return f"在已公开的案例中，此后常见的是：{'、'.join(names)}。这是经验，并非对本厂的预测。"
    if not names:
        return "This is the last phase: what followed in published cases was damage, not another tactic."
    return (
        f"In published cases this was often followed by: {', '.join(names)}. "
        "That is experience, not a forecast for this plant."
    )


def _actors(group: Sequence[Sighting]) -> list[str]:
    return list({item.actor.key: item.actor.label for item in group if item.actor}.values())


def _tactic(item: Sighting, language: Language) -> str:
    furthest = [tactic for tactic in item.tactics if PHASE.get(tactic, 0) == item.phase]
    return TACTIC_NAMES[furthest[0]].said(language)
