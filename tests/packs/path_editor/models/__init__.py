"""A name that the app has too."""

OURS = "no"
