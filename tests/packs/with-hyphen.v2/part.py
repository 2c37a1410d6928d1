"""A module beside it."""


class Hyphen:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self):
        from . import part

        return (part.__name__,)
