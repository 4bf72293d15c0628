"""The words of stories: what somebody did, in English and Chinese."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Language: TypeAlias = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Phrase(NamedTuple):
    """Words in two languages; a deed has `{}` where the machines it was done to stand, if it names any."""

    english: str
    chinese: str

    def said(self, language: Language) -> str:
        """The words in one of them."""
        return self.chinese if language == "zh" else self.english


ACTIONS = {
    "write": Phrase("wrote to {}", "写入了{}"),
    "operate": Phrase("operated outputs of {}", "操作了{}的输出"),
    "program_download": Phrase("loaded a program into {}", "向{}下载了程序"),
    "program_upload": Phrase("read the program of {}", "读取了{}的程序"),
    "firmware": Phrase("touched the firmware of {}", "操作了{}的固件"),
    "start": Phrase("started {}", "启动了{}"),
    "stop": Phrase("stopped {}", "停止了{}"),
    "reset": Phrase("restarted {}", "重启了{}"),
    "mode": Phrase("changed the mode of {}", "切换了{}的运行模式"),
    "configure": Phrase("changed the configuration of {}", "更改了{}的配置"),
    "file": Phrase("transferred files with {}", "与{}传输了文件"),
    "time": Phrase("set the clock of {}", "修改了{}的时钟"),
    "authenticate": Phrase("logged in to {}", "登录了{}"),
    "new_asset": Phrase("appeared in the network", "出现在网络中"),
    "new_mac": Phrase("came with another MAC address", "更换了 MAC 地址"),
    "mac_conflict": Phrase("shared its address with another machine", "与另一台主机地址冲突"),
    "spoofed": Phrase("{}'s address was taken while it was in use", "{}正在使用的地址被冒用"),
    "module": Phrase("{} shows another module in its rack", "{}机架中的模块发生变化"),
    "role": Phrase("began to act in another role", "开始扮演其他角色"),
    "service": Phrase("opened a new service", "开放了新的服务"),
    "name": Phrase("changed its name", "更改了名称"),
    "observed": Phrase("{} behaved unusually", "{}出现异常"),
    "model": Phrase("{} shows another model", "{}的型号发生变化"),
    "serial": Phrase("{} shows another serial number", "{}的序列号发生变化"),
}
"""Operations and asset changes that say by themselves what was done."""
TACTICS = {
    "initial-access": Phrase("made contact with {}", "接入并联系了{}"),
    "execution": Phrase("acted on {}", "在{}上执行了操作"),
    "persistence": Phrase("settled in {}", "在{}中驻留"),
    "privilege-escalation": Phrase("gained rights on {}", "在{}上提升了权限"),
    "evasion": Phrase("covered its traces", "掩盖了自身行为"),
    "discovery": Phrase("looked around", "四处探测"),
    "lateral-movement": Phrase("reached for {}", "横向触及{}"),
    "collection": Phrase("spied on {}", "窥探了{}"),
    "command-and-control": Phrase("spoke with the outside", "与外部通信"),
    "inhibit-response-function": Phrase("weakened the protection of {}", "削弱了{}的响应能力"),
    "impair-process-control": Phrase("interfered with {}", "干扰了{}的过程控制"),
    "impact": Phrase("disturbed {}", "影响了{}"),
}
"""For alerts whose operation says nothing, such as scans."""
OTHERWISE = Phrase("drew attention", "行为异常")

KINDS = {
    "plc": Phrase("controllers", "台控制器"),
    "rtu": Phrase("RTUs", "台 RTU"),
    "ied": Phrase("IEDs", "台智能电子设备"),
    "field_device": Phrase("field devices", "台现场设备"),
    "drive": Phrase("drives", "台变频器"),
    "hmi": Phrase("HMIs", "台人机界面"),
}
DEVICES = Phrase("control devices", "台控制设备")
MACHINES = Phrase("machines", "台设备")
SOMEBODY = Phrase("somebody", "来源不明者")

TACTIC_NAMES = {
    "collection": Phrase("Collection", "收集"),
    "command-and-control": Phrase("Command and Control", "命令与控制"),
    "discovery": Phrase("Discovery", "发现"),
    "evasion": Phrase("Evasion", "规避检测"),
    "execution": Phrase("Execution", "执行"),
    "impact": Phrase("Impact", "影响"),
    "impair-process-control": Phrase("Impair Process Control", "破坏过程控制"),
    "inhibit-response-function": Phrase("Inhibit Response Function", "抑制响应功能"),
    "initial-access": Phrase("Initial Access", "初始访问"),
    "lateral-movement": Phrase("Lateral Movement", "横向移动"),
    "persistence": Phrase("Persistence", "持久化"),
    "privilege-escalation": Phrase("Privilege Escalation", "权限提升"),
}
"""The names of tactics."""
AND = Phrase(", ", "，")
THEN = Phrase(", then ", "，随后")
NAMELESS = Phrase("machines", "设备")
