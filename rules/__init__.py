"""From behaviours to alerts: baseline, enrichment, Sigma rules."""
