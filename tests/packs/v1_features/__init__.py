"""One V1 pack with every feature of the class contract."""

from . import flow, inputs

NODE_CLASS_MAPPINGS = {**inputs.CLASSES, **flow.CLASSES, "InvertImage_AppName": inputs.Everything}
NODE_CLASS_MAPPINGS["ImageInvert"] = inputs.Everything  # a name that the app already has
NODE_CLASS_MAPPINGS["V1Unreadable"] = inputs.Unreadable
del NODE_CLASS_MAPPINGS["InvertImage_AppName"]
NODE_DISPLAY_NAME_MAPPINGS = {"V1Everything": "Everything of V1"}
WEB_DIRECTORY = "./web"
