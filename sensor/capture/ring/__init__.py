"""Live capture on Linux: AF_PACKET with a TPACKET_V3 ring, mapped and read without a copy.

The layouts and numbers are those of Linux' <linux/if_packet.h>; what they mean stands in the kernel's
Documentation/networking/packet_mmap.rst and packet(7).
"""
