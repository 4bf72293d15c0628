"""Where alerts, assets and behaviours are kept: one interface, SQLite by default."""
