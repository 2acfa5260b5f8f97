"""The command line: each command mirrors one library call."""
