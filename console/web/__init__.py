"""The web console: server-rendered pages that read without JavaScript and act with a little of it."""
