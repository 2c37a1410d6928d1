"""Names."""

NAME = "rival"
