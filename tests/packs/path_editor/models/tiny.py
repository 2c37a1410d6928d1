"""Small."""

SIZE = 1
