"""An example of a pack with a script for the page: a widget of its own, and one of everything else."""


class Dial:
    """Takes an angle that its own widget gives."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"angle": ("ANGLE", {"default": 45}), "label": ("STRING", {"default": "north"})}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "tell"
    CATEGORY = "examples"
    OUTPUT_NODE = True

    def tell(self, angle, label):
        text = f"{label}: {angle}"
        return {"ui": {"text": [text]}, "result": (text,)}


NODE_CLASS_MAPPINGS = {"ExampleDial": Dial}
NODE_DISPLAY_NAME_MAPPINGS = {"ExampleDial": "Dial (example)"}
WEB_DIRECTORY = "./web"
