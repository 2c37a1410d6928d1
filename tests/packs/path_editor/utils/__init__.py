"""Names."""

NAME = "editor"
