"""Imported when a node runs."""

NAME = "other"
