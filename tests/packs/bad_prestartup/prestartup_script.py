"""Runs first."""

raise ValueError("too early")
