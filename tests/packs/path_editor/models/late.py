"""Imported when a node runs."""

LATE = "late"
