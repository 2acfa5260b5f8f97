"""Pure array code: no tables, no files, no settings."""
