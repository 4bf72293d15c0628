"""What runs on the hosts of the lab: servers and clients of real protocol stacks."""
