"""The risk ledger: open items in, one explainable score out."""
