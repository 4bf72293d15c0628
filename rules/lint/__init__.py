"""House rules for rules: what Sigma allows but an analyst would regret."""
