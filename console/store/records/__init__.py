"""What a store answers with. Times are RFC 3339 UTC text, as in the documents, unless a name ends in `_ns`.

`document` fields hold the documents of docs/documents.md, nested, as last updated.
"""

from console.store.records.alerts import (
    AlertRecord,
    Allowance,
    AllowanceKind,
    EvidenceRequest,
    EvidenceState,
    HistoryRow,
    OpenItem,
    Preview,
    RuleRecord,
    Scope,
    Tally,
    TimelineBucket,
)
from console.store.records.assets import AssetChange, AssetRecord, BehaviourRecord, Flow, Zone
from console.store.records.documents import Document, Envelope, IngestReceipt
from console.store.records.pages import Page
from console.store.records.people import ROLES, ApiToken, AuditRow, Role, Session, User
from console.store.records.posture import PosturePoint
from console.store.records.sensors import (
    ConfigurationContent,
    ConfigurationVersion,
    Enrolled,
    Enrolment,
    EnrolmentState,
    SensorRecord,
)

__all__ = [
    "ROLES",
    "AlertRecord",
    "Allowance",
    "AllowanceKind",
    "ApiToken",
    "AssetChange",
    "AssetRecord",
    "AuditRow",
    "BehaviourRecord",
    "ConfigurationContent",
    "ConfigurationVersion",
    "Document",
    "Enrolled",
    "Enrolment",
    "EnrolmentState",
    "Envelope",
    "EvidenceRequest",
    "EvidenceState",
    "Flow",
    "HistoryRow",
    "IngestReceipt",
    "OpenItem",
    "Page",
    "PosturePoint",
    "Preview",
    "Role",
    "RuleRecord",
    "Scope",
    "SensorRecord",
    "Session",
    "Tally",
    "TimelineBucket",
    "User",
    "Zone",
]
