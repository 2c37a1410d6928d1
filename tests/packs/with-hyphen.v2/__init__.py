# ruff: noqa: N999
"""A pack whose folder is no Python name."""

from .part import Hyphen

NODE_CLASS_MAPPINGS = {"HyphenNode": Hyphen}
