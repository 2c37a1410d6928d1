"""Nodes whose scripts use the surface of the ecosystem, each in the manner of a kind of pack."""


class ShowText:
    """Shows a text that its script puts into widgets."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"forceInput": True})}}

    INPUT_IS_LIST = True
    RETURN_TYPES = ("STRING",)
    FUNCTION = "show"
    OUTPUT_NODE = True
    CATEGORY = "examples/ecosystem"

    def show(self, text):
        return {"ui": {"text": text}, "result": (text,)}


class Words:
    """Joins texts; its script adds a socket for each link and widgets of its own."""

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "mode": (["upper", "lower"],),
                "text": ("STRING", {"multiline": True, "default": "a"}),
                "seed": ("INT", {"default": 1, "min": 0, "max": 99}),
            },
            "optional": {"colour": ("EXAMPLE_COLOUR", {"default": "#ff0000"})},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, **inputs):
        return True

    RETURN_TYPES = ("STRING",)
    FUNCTION = "join"
    CATEGORY = "examples/ecosystem"

    def join(self, mode, text, seed, **more):
        parts = [text, *(f"{name}={value}" for name, value in sorted(more.items()))]
        joined = " ".join(parts)
        return (joined.upper() if mode == "upper" else joined,)


class Kinds:
    """Tells the page a value while it runs; its script hides widgets, watches values and adds rows."""

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "level": ("INT", {"default": 1}),
                "advanced": ("BOOLEAN", {"default": False}),
                "secret": ("STRING", {"default": "s"}),
            },
            "hidden": {"unique_id": "UNIQUE_ID"},
        }

    RETURN_TYPES = ("INT",)
    FUNCTION = "tell"
    OUTPUT_NODE = True
    CATEGORY = "examples/ecosystem"

    def tell(self, level, advanced, secret, unique_id):
        from server import PromptServer

        told = {"node_id": int(unique_id), "widget": "level", "value": level + 1}
        PromptServer.instance.send_sync("example-feedback", told)
        return {"ui": {"text": [secret]}, "result": (level,)}


NODE_CLASS_MAPPINGS = {"EcoShowText": ShowText, "EcoWords": Words, "EcoKinds": Kinds}
NODE_DISPLAY_NAME_MAPPINGS = {
    "EcoShowText": "Show text (example)",
    "EcoWords": "Words (example)",
    "EcoKinds": "Kinds (example)",
}
WEB_DIRECTORY = "./js"
