"""Where packets come from: files, streams, interfaces."""
