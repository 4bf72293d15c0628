"""From packets to application PDUs: link, network and transport layers."""
