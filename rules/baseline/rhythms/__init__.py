"""When a plant speaks: how often, how regularly, how much, and how long a silence is normal."""
