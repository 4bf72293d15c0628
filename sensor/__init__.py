"""From packets to messages, behaviours and facts: the passive half of Fieldwatch."""
