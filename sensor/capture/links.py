"""Link types by the names of tcpdump.org's registry, for messages about captures we cannot dissect."""

from __future__ import annotations

NAMES = {
    0: "NULL",
    1: "ETHERNET",
    9: "PPP",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    113: "LINUX_SLL",
    127: "IEEE802_11_RADIOTAP",
    140: "MTP2",
    141: "MTP3",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    192: "PPI",
    195: "IEEE802_15_4_WITHFCS",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    220: "USB_LINUX_MMAPPED",
    227: "CAN_SOCKETCAN",
    228: "IPV4",
    229: "IPV6",
    230: "IEEE802_15_4_NOFCS",
    240: "NETANALYZER",
    241: "NETANALYZER_TRANSPARENT",
    247: "INFINIBAND",
    249: "USBPCAP",
    250: "RTAC_SERIAL",
    251: "BLUETOOTH_LE_LL",
    252: "WIRESHARK_UPPER_PDU",
    276: "LINUX_SLL2",
}


def link_text(link: int) -> str:
    """`105 (IEEE802_11)`, or the number alone."""
    if 147 <= link <= 162:
        return f"{link} (USER{link - 147})"
    return f"{link} ({NAMES[link]})" if link in NAMES else str(link)
