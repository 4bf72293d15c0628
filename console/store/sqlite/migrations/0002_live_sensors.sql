-- One-time codes with which sensors enrol; only the digest of a code's secret is kept.
CREATE TABLE enrolment (
  id INTEGER PRIMARY KEY,
  code_hash TEXT NOT NULL UNIQUE,
  name TEXT,
  site TEXT NOT NULL,
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires INTEGER NOT NULL,
  used INTEGER,
  used_by TEXT,
  withdrawn INTEGER
);

-- The latest word of a sensor about itself; `heard` is the console's clock.
CREATE TABLE sensor_state (
  sensor TEXT PRIMARY KEY,
  heard INTEGER NOT NULL,
  document TEXT NOT NULL
) WITHOUT ROWID;

-- What sensors should run. scope: '' for all sensors, else 'site/<name>'. A version is never changed;
-- `content` names texts by digest, so that versions that share a text keep it once.
CREATE TABLE configuration (
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  scope TEXT NOT NULL,
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  note TEXT NOT NULL,
  changes TEXT NOT NULL,
  content TEXT NOT NULL
);
CREATE INDEX configuration_by_scope ON configuration (scope, version);
CREATE TABLE configuration_text (
  digest TEXT PRIMARY KEY,
  text TEXT NOT NULL
) WITHOUT ROWID;

-- Packets an analyst asks a sensor for. state: 0 requested, 1 arrived, 2 no longer held.
CREATE TABLE evidence_request (
  number INTEGER NOT NULL,
  sensor TEXT NOT NULL,
  event_id TEXT NOT NULL,
  state INTEGER NOT NULL,
  requested INTEGER NOT NULL,
  requested_by TEXT NOT NULL,
  answered INTEGER,
  PRIMARY KEY (number, sensor)
) WITHOUT ROWID;
CREATE INDEX evidence_request_open ON evidence_request (sensor, requested) WHERE state = 0;

-- Numbers, within the stored slice, of the packets that the alert itself is about.
ALTER TABLE evidence ADD COLUMN marked TEXT;
