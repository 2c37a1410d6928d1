"""A pack whose scripts fail in different ways."""

NODE_CLASS_MAPPINGS = {}
WEB_DIRECTORY = "./web"
