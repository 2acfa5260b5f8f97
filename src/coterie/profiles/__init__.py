"""What sets a group apart, and what to call it."""
