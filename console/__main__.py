"""`python -m console` is the `fieldwatch` command."""

from console.cli import main

main()
