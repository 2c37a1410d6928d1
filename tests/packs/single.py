"""A pack in one file."""

import folder_paths


class Single:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"file": (folder_paths.get_filename_list("checkpoints"),)}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self, file):
        return (folder_paths.get_full_path("checkpoints", file),)


NODE_CLASS_MAPPINGS = {"SingleFile": Single}
