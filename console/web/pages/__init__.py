"""One module for each noun: read the query, ask the store, render a template."""
