"""Process variables: every register, tag and point with what its values did, and their bounds."""
