"""Fails before it is imported, and loads."""

NODE_CLASS_MAPPINGS = {}
