"""Makes the modules that packs import findable: each ecosystem name leads to a module of this folder."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from custom_nodes.host.state import get_host

HOST = "custom_nodes.host"
V3 = "custom_nodes.v3"
MODULES: Mapping[str, str] = {
    "comfy.cli_args": f"{HOST}.settings",
    "comfy.comfy_types": f"{HOST}.node_types",
    "comfy.comfy_types.node_typing": f"{HOST}.node_types",
    "comfy.model_management": f"{HOST}.devices",
    "comfy.utils": f"{HOST}.progress",
    "comfy_api.input": f"{V3}.media",
    "comfy_api.input.basic_types": f"{V3}.media",
    "comfy_api.input.video_types": f"{V3}.media",
    "comfy_api.input_impl": f"{V3}.media",
    "comfy_api.input_impl.video_types": f"{V3}.media",
    "comfy_api.util": f"{V3}.media",
    "comfy_api.util.video_types": f"{V3}.media",
    "comfy_api.latest": f"{V3}.latest",
    "comfy_api.latest._io": f"{V3}.io",
    "comfy_api.latest._ui": f"{V3}.ui",
    "comfy_api.v0_0_1": f"{V3}.first",
    "comfy_api.v0_0_2": f"{V3}.latest",
    "comfy_execution.graph": f"{HOST}.graph_builder",
    "comfy_execution.graph_utils": f"{HOST}.graph_builder",
    "comfyui_version": f"{HOST}.version",
    "folder_paths": f"{HOST}.paths",
    "protocol": f"{HOST}.server",
    "server": f"{HOST}.server",
}
PACKAGES = frozenset(name[:end] for name in MODULES for end, letter in enumerate(name) if letter == ".")


class HostFinder(MetaPathFinder):
    """Finds the names above, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module for packs."""
        if fullname not in MODULES and fullname not in PACKAGES:
            return None
        return ModuleSpec(fullname, HostLoader(), is_package=fullname in PACKAGES)


class HostLoader(Loader):
    """Fills a module with what the module behind it defines."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Have the interpreter make an ordinary module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Copy the names of the module behind this name."""
        name = module.__name__
        module.__file__ = str(get_host().base / f"{name.replace('.', '/')}.py")
        if name not in MODULES:
            return
        behind = importlib.import_module(MODULES[name])
        for key, value in vars(behind).items():
            if not (key.startswith("__") and key.endswith("__")) or key == "__getattr__":
                setattr(module, key, value)


_finder = HostFinder()


def install() -> None:
    """Let packs find the modules; only worker processes do this."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Take the modules away again."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in [*MODULES, *PACKAGES]:
        sys.modules.pop(name, None)
