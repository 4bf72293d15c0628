-- Messages per pair of addresses and protocol, summed over operations: a map shows the busiest first.
CREATE TABLE pair (
  source TEXT NOT NULL,
  destination TEXT NOT NULL,
  protocol TEXT NOT NULL,
  behaviours INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  PRIMARY KEY (source, destination, protocol)
) WITHOUT ROWID;
CREATE INDEX pair_by_messages ON pair (messages DESC, source, destination, protocol);
CREATE INDEX pair_by_destination ON pair (destination);
INSERT INTO pair SELECT source, destination, protocol, sum(behaviours),
  min(CAST(total(messages) AS INTEGER), 9007199254740992), max(last_seen) FROM flow GROUP BY 1, 2, 3;

-- With the time first seen in them, these find what lies in a window without looking at each row.
DROP INDEX alert_by_last_seen;
DROP INDEX alert_by_status;
DROP INDEX alert_by_level;
DROP INDEX alert_by_protocol;
DROP INDEX alert_by_operation;
DROP INDEX alert_by_rule;
CREATE INDEX alert_by_last_seen ON alert (last_seen, first_seen);
CREATE INDEX alert_by_status ON alert (status, last_seen, first_seen);
CREATE INDEX alert_by_level ON alert (level, last_seen, first_seen);
CREATE INDEX alert_by_protocol ON alert (protocol, last_seen, first_seen);
CREATE INDEX alert_by_operation ON alert (operation, last_seen, first_seen);
CREATE INDEX alert_by_rule ON alert (rule, last_seen, first_seen);
