-- Times are nanoseconds since 1970 UTC. Documents are JSON text as in docs/documents.md.
-- Columns repeat what documents hold only where a query filters or sorts by it.

CREATE TABLE state (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  revision INTEGER NOT NULL
);
INSERT INTO state VALUES (1, 0);

-- What was not kept, by cause.
CREATE TABLE loss (cause TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE sensor (
  name TEXT PRIMARY KEY,
  site TEXT NOT NULL,
  token_hash TEXT UNIQUE,
  registered INTEGER NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  last_seen INTEGER,
  batches INTEGER NOT NULL DEFAULT 0,
  documents INTEGER NOT NULL DEFAULT 0,
  summary TEXT
);

CREATE TABLE batch (
  number INTEGER PRIMARY KEY,
  sensor TEXT NOT NULL,
  sequence TEXT NOT NULL,
  received INTEGER NOT NULL,
  receipt TEXT NOT NULL,
  UNIQUE (sensor, sequence)
);

CREATE TABLE health (
  number INTEGER PRIMARY KEY,
  sensor TEXT NOT NULL,
  time INTEGER NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX health_by_sensor ON health (sensor, time);

CREATE TABLE rule (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  title_zh TEXT,
  level INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  techniques TEXT NOT NULL
);
CREATE INDEX rule_by_name ON rule (name);

-- status: 0 new, 1 active, 2 closed. level: 0 informational … 4 critical.
CREATE TABLE alert (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  event_id TEXT NOT NULL,
  sensor TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  status INTEGER NOT NULL,
  level INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  count INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  rule TEXT NOT NULL,
  rule_name TEXT NOT NULL,
  protocol TEXT,
  operation TEXT,
  object TEXT,
  source TEXT,
  destination TEXT,
  zone TEXT,
  source_asset TEXT,
  destination_asset TEXT,
  subject_asset TEXT,
  confidence REAL NOT NULL,
  assignee TEXT,
  close_reason TEXT,
  allowance INTEGER,
  comments INTEGER NOT NULL DEFAULT 0,
  packets INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX alert_by_last_seen ON alert (last_seen);
CREATE INDEX alert_by_first_seen ON alert (first_seen, level);
CREATE INDEX alert_by_severity ON alert (severity, last_seen);
CREATE INDEX alert_by_count ON alert (count, last_seen);
CREATE INDEX alert_by_rule_name ON alert (rule_name, last_seen);
CREATE INDEX alert_open_by_last_seen ON alert (last_seen) WHERE status < 2;
CREATE INDEX alert_open_by_severity ON alert (severity, last_seen) WHERE status < 2;
CREATE INDEX alert_by_status ON alert (status, last_seen);
CREATE INDEX alert_by_level ON alert (level, last_seen);
CREATE INDEX alert_by_protocol ON alert (protocol, last_seen);
CREATE INDEX alert_by_operation ON alert (operation, last_seen);
CREATE INDEX alert_by_rule ON alert (rule, last_seen);
CREATE INDEX alert_open_by_fingerprint ON alert (fingerprint, last_seen) WHERE status < 2;
CREATE INDEX alert_by_assignee ON alert (assignee, last_seen) WHERE assignee IS NOT NULL;
CREATE INDEX alert_by_allowance ON alert (allowance) WHERE allowance IS NOT NULL;

-- `words` is what alert_text indexes: a contentless index needs it again to delete a row.
-- `keys` repeats the alert's rows of alert_key as [[kind, value], …], which has no index by number.
CREATE TABLE alert_document (
  number INTEGER PRIMARY KEY,
  keys TEXT NOT NULL,
  words TEXT NOT NULL,
  document TEXT NOT NULL
);

-- What an alert has several of. kind: 0 source address, 1 destination address, 2 zone, 3 asset,
-- 4 technique, 5 sensor, 6 tactic.
CREATE TABLE alert_key (
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (kind, value, number)
) WITHOUT ROWID;

-- Each sensor's own event and the alert it now leads to; `base` belongs to earlier, closed alerts.
CREATE TABLE alert_event (
  event_id TEXT NOT NULL,
  sensor TEXT NOT NULL,
  number INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  count INTEGER NOT NULL,
  base INTEGER NOT NULL,
  PRIMARY KEY (event_id, sensor)
) WITHOUT ROWID;
CREATE INDEX alert_event_by_alert ON alert_event (number);

CREATE VIRTUAL TABLE alert_text USING fts5 (words, content = '', columnsize = 0);

CREATE TABLE alert_history (
  entry INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  time INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  note TEXT
);
CREATE INDEX alert_history_by_alert ON alert_history (number);

-- Counts of alerts by facet value, kept current so that overviews need no scan.
-- facet: 0 all (value empty), 1 protocol, 2 operation, 3 rule, 10 + alert_key.kind for the rest.
CREATE TABLE alert_tally (
  facet INTEGER NOT NULL,
  value TEXT NOT NULL,
  status INTEGER NOT NULL,
  level INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (facet, value, status, level)
) WITHOUT ROWID;
CREATE TABLE alert_hour (
  hour INTEGER NOT NULL,
  level INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (hour, level)
) WITHOUT ROWID;

CREATE TABLE evidence (
  number INTEGER PRIMARY KEY,
  bytes INTEGER NOT NULL,
  pcap BLOB NOT NULL
);
CREATE TABLE evidence_total (only INTEGER PRIMARY KEY CHECK (only = 1), bytes INTEGER NOT NULL);
INSERT INTO evidence_total VALUES (1, 0);
CREATE TRIGGER evidence_added AFTER INSERT ON evidence
  BEGIN UPDATE evidence_total SET bytes = bytes + new.bytes; END;
CREATE TRIGGER evidence_removed AFTER DELETE ON evidence
  BEGIN UPDATE evidence_total SET bytes = bytes - old.bytes; END;

CREATE TABLE allowance (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  scope TEXT NOT NULL,
  reason TEXT NOT NULL,
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires INTEGER,
  revoked INTEGER,
  revoked_by TEXT,
  hidden INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE asset (
  id TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  decided TEXT NOT NULL DEFAULT '{}',
  site TEXT NOT NULL,
  name TEXT,
  ip TEXT,
  vendor TEXT,
  role TEXT NOT NULL,
  zone TEXT NOT NULL,
  purdue_level REAL,
  criticality REAL NOT NULL,
  authorised INTEGER,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  words TEXT NOT NULL
);
CREATE INDEX asset_by_last_seen ON asset (last_seen);
CREATE INDEX asset_by_zone ON asset (zone);

CREATE TABLE asset_sensor (
  asset TEXT NOT NULL,
  sensor TEXT NOT NULL,
  last_seen INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (asset, sensor)
) WITHOUT ROWID;

-- kind: 0 address (IP or MAC), 1 protocol.
CREATE TABLE asset_key (
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  asset TEXT NOT NULL,
  PRIMARY KEY (kind, value, asset)
) WITHOUT ROWID;
CREATE INDEX asset_key_by_asset ON asset_key (asset);

CREATE TABLE asset_history (
  entry INTEGER PRIMARY KEY,
  asset TEXT NOT NULL,
  time INTEGER NOT NULL,
  field TEXT NOT NULL,
  old TEXT,
  new TEXT,
  source TEXT NOT NULL,
  evidence TEXT
);
CREATE INDEX asset_history_by_asset ON asset_history (asset);

CREATE TABLE behaviour (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  operation TEXT NOT NULL,
  source TEXT NOT NULL,
  destination TEXT NOT NULL,
  words TEXT NOT NULL
);
CREATE INDEX behaviour_by_last_seen ON behaviour (last_seen);
CREATE INDEX behaviour_by_first_seen ON behaviour (first_seen);
CREATE INDEX behaviour_by_count ON behaviour (count);
CREATE INDEX behaviour_by_protocol ON behaviour (protocol, last_seen);
CREATE INDEX behaviour_by_operation ON behaviour (operation, last_seen);
CREATE INDEX behaviour_by_source ON behaviour (source, last_seen);
CREATE INDEX behaviour_by_destination ON behaviour (destination, last_seen);

CREATE TABLE behaviour_sensor (
  number INTEGER NOT NULL,
  sensor TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (number, sensor)
) WITHOUT ROWID;

-- Behaviours summed per pair of addresses and protocol, so that a map needs no scan.
CREATE TABLE flow (
  source TEXT NOT NULL,
  destination TEXT NOT NULL,
  protocol TEXT NOT NULL,
  operation TEXT NOT NULL,
  behaviours INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  PRIMARY KEY (source, destination, protocol, operation)
) WITHOUT ROWID;

CREATE TABLE user (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  last_login INTEGER,
  preferences TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE session (
  token_hash TEXT PRIMARY KEY,
  user TEXT NOT NULL,
  csrf TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  address TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_by_user ON session (user, created);

CREATE TABLE api_token (
  id INTEGER PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  role TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER,
  last_used INTEGER,
  revoked INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  actor TEXT NOT NULL,
  address TEXT,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_subject ON audit (subject, id);

CREATE TABLE posture (
  scope TEXT NOT NULL,
  time INTEGER NOT NULL,
  score REAL NOT NULL,
  risk REAL NOT NULL,
  confidence REAL NOT NULL,
  PRIMARY KEY (scope, time)
) WITHOUT ROWID;
