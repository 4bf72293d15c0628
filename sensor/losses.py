"""Every cause for which something that was captured was not used: its name and what it means.

Nothing is dropped without being counted under one of these; `docs/losses.md` is made from this.
"""

from __future__ import annotations

MEANINGS = {
    "unknown_link_type": "Packets of a link type that is not understood",
    "too_short": "Packets that end inside their link or network header",
    "other_ethertype": "Frames of an Ethernet type without a decoder (PROFINET, GOOSE, spanning tree …)",
    "other_ip_protocol": "Packets of an IP protocol without a decoder (IGMP, GRE, ESP …)",
    "bad_ip_header": "Packets whose IP header contradicts itself",
    "bad_transport_header": "Packets whose TCP or UDP header contradicts itself",
    "cut_by_snaplen": "Packets of which the capture kept only the first part",
    "ip_fragments_dropped": "IP fragments that could not be used",
    "ip_datagrams_incomplete": "Fragmented datagrams that gave way before all their fragments came",
    "tcp_gaps": "Places where octets of a conversation were never captured",
    "tcp_gap_octets": "How many octets those were, as far as it is known",
    "unfinished_pdus": "Messages given up before their last octet came",
    "early_segments": "Segments behind a gap that were given up for room",
    "unframed_octets": "Octets of a recognised conversation in which no message could be found",
    "streams_evicted": "Conversations forgotten for room, those silent longest first",
    "endpoints_not_kept": "Look-ups of addresses for which the table had no room",
    "pdus_not_kept": "Messages of one packet beyond what one packet may make",
    "reassembly_evictions": "Times that waiting octets were given up for room, those silent longest first",
    "requests_evicted": "Requests of the last minute forgotten for room before their answers came",
    "fragments_evicted": "Messages in parts (COTP, S7comm, DNP3) given up for room before they were whole",
    "fragments_overlong": "Messages in parts that grew beyond what is kept of one",
    "connections_evicted": "EtherNet/IP connections forgotten for room: their data is told without its tag",
    "selections_evicted": "Selected outputs forgotten for others: commands without select may be missed",
    "objects_not_kept": "Objects of one message beyond what one message may name",
    "values_not_kept": "Values of one message beyond what one message may carry",
    "details_not_kept": "Details of one message beyond what one message may have",
    "names_not_kept": "Names (tags, blocks, files) for which the table had no room",
    "kernel_faults": "Defects of Fieldwatch that cost a packet or a message; please report them",
    "behaviours_not_judged": "New behaviours of ever new addresses, beyond what one epoch may look at",
    "behaviours_evicted": "Behaviours forgotten for room, those silent longest first",
    "rhythms_evicted": "Channels whose intervals were forgotten for room, those silent longest first",
    "rhythm_findings_not_told": "Findings about intervals, volume and answers beyond what one epoch may tell",
    "rhythms_not_learned": "Channels whose intervals found no room in the baseline",
    "points_evicted": "Process variables forgotten for room, those silent longest first",
    "deviations_not_told": "Values outside their learned band beyond what one epoch may tell",
    "identities_not_kept": "Messages about identity put off because too many came at once",
    "facts_not_kept": "Facts about assets for which there was no room",
    "alerts_evicted": "Open alerts that stopped growing for room; a repeat opens another",
    "links_evicted": "Behaviours whose alert stopped counting them for room",
    "alerts_refused": "Alerts not opened because one rule matched too many groups at once",
    "alerts_not_taken": "Alerts that were replaced before anybody fetched them",
    "changes_not_told": "Changes of assets beyond what one step may tell",
    "claims_not_kept": "Claims about addresses for which there was no room",
    "correlation_groups_evicted": "Groups that correlation rules stopped watching for room",
    "correlation_groups_refused": "Groups that correlation rules did not look at: too many came at once",
    "correlation_links_evicted": "Behaviours that correlation rules stopped counting for room",
    "correlation_events_evicted": "Events forgotten by correlation rules before their time span ended",
    "alerts_not_kept": "Alerts left out of a report for room, lowest level first",
}


def markdown() -> str:
    """`docs/losses.md`."""
    lines = [
        "# Losses: what was seen and not used",
        "",
        "A passive monitor that drops in silence cannot be trusted. Everything that was captured and not",
        "used is counted under one of these causes, in `summary.json` (`losses`) and on the terminal.",
        "",
        "| cause | what it counts |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in MEANINGS.items()),
    ]
    return "\n".join(lines) + "\n"
