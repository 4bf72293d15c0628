"""The subcommands of `fieldwatch`, one module each; what they need is imported when they run."""
