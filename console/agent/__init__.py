"""The sensor as a service: spool, uplink, enrolment, health, evidence, and what the console sends down."""
