"""What an analysis is turned into: a summary, a page on the terminal, files, rows in a store."""
