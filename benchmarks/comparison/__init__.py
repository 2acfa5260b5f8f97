"""Comparing models on one data set: reading it, splitting it, tuning on validation, testing, and the table."""
