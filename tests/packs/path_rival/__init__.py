"""Another pack with a `utils` of its own."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import utils


class PathRival:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self):
        from utils import NAME

        return (f"{utils.NAME} {NAME}",)


NODE_CLASS_MAPPINGS = {"PathRival": PathRival}
