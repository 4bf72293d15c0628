"""The common vocabulary as people say it, for sentences: operations and roles in English and Chinese."""

from __future__ import annotations

OPERATIONS_ZH = {
    "other": "其他操作",
    "read": "读取",
    "write": "写入",
    "operate": "控制操作",
    "program_download": "程序下载",
    "program_upload": "程序上载",
    "firmware": "固件操作",
    "start": "启动",
    "stop": "停止",
    "reset": "复位",
    "mode": "模式切换",
    "configure": "配置",
    "identify": "设备识别",
    "browse": "浏览",
    "subscribe": "订阅",
    "report": "上报",
    "diagnose": "诊断",
    "authenticate": "身份验证",
    "file": "文件传输",
    "time": "对时",
    "session": "会话",
    "alarm": "报警",
    "protocol_error": "协议错误",
}
ROLES_ZH = {
    "plc": "PLC",
    "rtu": "RTU",
    "ied": "智能电子设备",
    "field_device": "现场设备",
    "drive": "变频器",
    "hmi": "人机界面",
    "scada": "SCADA 服务器",
    "historian": "历史数据库",
    "engineering_workstation": "工程师站",
    "gateway": "网关",
    "router": "路由器",
    "infrastructure_server": "基础设施服务器",
    "workstation": "工作站",
    "unknown": "未知",
}
_CODED = ("ics.operation", "source.role", "destination.role", "asset.role")


def spoken(field: str, value: object, language: str) -> object:
    """A field's value as a sentence needs it: codes of the vocabulary as words, others as they are."""
    if field not in _CODED or not isinstance(value, str):
        return value
    words = OPERATIONS_ZH if field == "ics.operation" else ROLES_ZH
    return words.get(value, value) if language == "zh" else value.replace("_", " ")
