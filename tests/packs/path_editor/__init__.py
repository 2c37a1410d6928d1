"""A pack that puts its own folder on the search path and means its own `utils` and `models`."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120

import models.tiny
from utils import NAME
from utils.deep import depth

import models


class PathEditor:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self):
        from models.late import LATE
        from utils import other

        return (f"{NAME} {depth()} {models.OURS} {models.tiny.SIZE} {LATE} {other.NAME}",)


NODE_CLASS_MAPPINGS = {"PathEditor": PathEditor}
