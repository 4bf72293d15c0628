"""The conditions there are: when each holds, and what it says, in both languages. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from console.agent.conditions.readings import SETTLED_S, Past
from console.agent.settings import LimitSettings

SUBJECT_SPAN_S = 60.0
"""Drops and understanding are judged over so long."""


class Words(NamedTuple):
    """What is wrong, in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A condition. `judge` says what is wrong now, or None."""

    name: str
    id: str
    level: str
    title: str
    title_zh: str
    advice: str
    advice_zh: str
    raise_s: float
    clear_s: float
    judge: Callable[[Past, LimitSettings], Words | None]


def _no_traffic(past: Past, limits: LimitSettings) -> Words | None:
    now = past.now
    silent = [
        item.name
        for item in now.interfaces
        if item.state == "up" and now.at_s - past.heard[item.name][1] >= limits.no_traffic_s
    ]
    if not silent:
        return None
    names = ", ".join(silent)
    return Words(
        f"No packet came in at {names} for {limits.no_traffic_s:g} s: this part of the plant is not watched",
        f"{names} 已 {limits.no_traffic_s:g} 秒没有收到任何数据包：该部分未被监视",
    )


def _fell(past: Past, limits: LimitSettings) -> Words | None:
    before = past.before(SUBJECT_SPAN_S)
    if before is None or past.watched_s < SETTLED_S or past.usual < 1:
        return None
    now = past.now
    rate = (now.packets - before.packets) / (now.at_s - before.at_s)
    if not rate:
        return None  # that is no traffic, which has a name of its own
    if rate >= past.usual * limits.fall_share:
        return None
    return Words(
        f"Traffic fell to {rate:.0f} packets a second; usual are {past.usual:.0f}",
        f"流量降至每秒 {rate:.0f} 个数据包；通常为 {past.usual:.0f} 个",
    )


def _dropping(past: Past, limits: LimitSettings) -> Words | None:
    before = past.before(SUBJECT_SPAN_S) or past.readings[0]
    dropped, seen = past.now.dropped - before.dropped, past.now.packets - before.packets
    share = dropped / max(dropped + seen, 1)
    if share <= limits.drop_share:
        return None
    return Words(
        f"The sensor dropped {share:.1%} of the packets of the last minute ({dropped})",
        f"传感器在最近一分钟丢弃了 {share:.1%} 的数据包({dropped} 个)",
    )


def _not_understood(past: Past, limits: LimitSettings) -> Words | None:
    before = past.before(SUBJECT_SPAN_S)
    first = past.readings[0]
    if before is None or before.ot_octets - first.ot_octets <= 0:
        return None
    octets = past.now.ot_octets - before.ot_octets
    if octets <= 0:
        return None
    recent = (past.now.ot_understood - before.ot_understood) / octets
    usual = (before.ot_understood - first.ot_understood) / (before.ot_octets - first.ot_octets)
    if recent >= usual - limits.understood_fall:
        return None
    return Words(
        f"Of the last minute's industrial traffic {recent:.0%} is understood; before, {usual:.0%} was",
        f"最近一分钟仅能理解 {recent:.0%} 的工业流量；此前为 {usual:.0%}",
    )


def _skewed(past: Past, limits: LimitSettings) -> Words | None:
    offset = past.now.clock_offset_s
    if offset is None or abs(offset) <= limits.clock_skew_s:
        return None
    way, way_zh = ("ahead of", "快") if offset > 0 else ("behind", "慢")
    return Words(
        f"The sensor's clock is {abs(offset):.1f} s {way} the console's",
        f"传感器时钟比控制台{way_zh} {abs(offset):.1f} 秒",
    )


def _is_down(past: Past, limits: LimitSettings) -> Words | None:
    down = [item for item in past.now.interfaces if item.state != "up"]
    if not down:
        return None
    names = ", ".join(f"{item.name} ({item.state})" for item in down)
    return Words(
        f"The sensor cannot listen at {names}",
        f"传感器无法监听 {names}",
    )


def _is_full(past: Past, limits: LimitSettings) -> Words | None:
    share = past.now.spool_share
    if share <= limits.spool_share:
        return None
    return Words(
        f"The sensor's spool is {share:.0%} full; when it is full, telemetry is dropped, then old alerts",
        f"传感器的待发缓存已用 {share:.0%}；用满后将先丢弃遥测，再丢弃旧告警",
    )


def _is_refused(past: Past, limits: LimitSettings) -> Words | None:
    reason = past.now.refused_reason
    if not reason:
        return None
    return Words(
        f"The sensor refused the configuration it was sent and runs the earlier one: {reason[:500]}",
        f"传感器拒绝了下发的配置，继续使用先前的配置：{reason[:500]}",
    )


KINDS = (
    Kind(
        "sensor-no-traffic",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0001",
        "high",
        "A mirror port brings no traffic",
        "镜像端口没有流量",
        "Check the cable and the switch's mirror session; `fieldwatch sensor check` says what it sees.",
        "检查网线和交换机的镜像会话；运行 `fieldwatch sensor check` 查看情况。",
        0,
        10,
        _no_traffic,
    ),
    Kind(
        "sensor-interface-down",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0002",
        "high",
        "A mirror port is down",
        "镜像端口已断开",
        "Check the cable, the card and the switch; the sensor resumes by itself.",
        "检查网线、网卡和交换机；传感器会自行恢复。",
        20,
        20,
        _is_down,
    ),
    Kind(
        "sensor-traffic-fell",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0003",
        "medium",
        "Traffic has suddenly fallen",
        "流量骤降",
        "Either the plant stands still, or the mirror no longer shows all of it: compare with the switch.",
        "要么工厂停产，要么镜像不再完整：请与交换机对照。",
        60,
        120,
        _fell,
    ),
    Kind(
        "sensor-dropping-packets",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0004",
        "medium",
        "The sensor drops packets",
        "传感器正在丢包",
        "Give it a faster machine, a filter, or several interfaces; see its health for the cause.",
        "更换更快的机器、设置过滤器或使用多个接口；原因见传感器健康页。",
        0,
        120,
        _dropping,
    ),
    Kind(
        "sensor-not-understood",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0005",
        "low",
        "Less of the industrial traffic is understood",
        "对工业流量的理解程度下降",
        "A new device or protocol, a broken mirror, or somebody who sends malformed messages.",
        "可能是新设备或新协议、镜像不完整，或有人发送畸形报文。",
        60,
        300,
        _not_understood,
    ),
    Kind(
        "sensor-clock-skew",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0006",
        "medium",
        "The sensor's clock is wrong",
        "传感器时钟不准",
        "Give sensor and console the same time server: times in alerts are those of the sensor.",
        "为传感器和控制台配置同一时间服务器：告警时间取自传感器。",
        30,
        60,
        _skewed,
    ),
    Kind(
        "sensor-spool-full",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0007",
        "high",
        "The sensor's spool is nearly full",
        "传感器待发缓存即将用满",
        "Restore the way to the console, or give the spool more room in the sensor's settings.",
        "恢复到控制台的连接，或在传感器设置中增大缓存。",
        0,
        60,
        _is_full,
    ),
    Kind(
        "sensor-configuration-refused",
        "5e1f0a52-7a3e-4a6b-9a53-3f0d5c1f0008",
        "medium",
        "The sensor refused its configuration",
        "传感器拒绝了配置",
        "Correct what the message names and send the configuration again.",
        "按提示修正后重新下发配置。",
        0,
        0,
        _is_refused,
    ),
)
