"""How can packs use top-level names of their own, such as `utils` or `models`, without getting each other's?

A pack that puts its folder on `sys.path` means names that live in that folder. Such names are kept per pack:
while the pack imports one, its own modules stand in `sys.modules`, and afterwards what stood there before.
"""

import builtins
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

PRODUCT = str(Path(__file__).resolve().parent.parent)
HOST_NAMES = frozenset(
    [
        "nodes",
        "server",
        "folder_paths",
        "execution",
        "comfy",
        "comfy_api",
        "comfy_execution",
        "comfy_extras",
        "custom_nodes",
        "torch",
    ]
)
"""What a pack always gets from the app, whatever its own files are called."""

_find = builtins.__import__
_lock = threading.RLock()
_territories: dict[str, "Territory"] = {}
_owners: dict[str, "Territory | None"] = {}


class Territory:
    """The files of one pack and the top-level modules that are its own."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.paths: list[str] = []
        self.modules: dict[str, ModuleType] = {}
        self.entered: set[str] = set()
        self.known: dict[tuple[str, tuple[str, ...]], bool] = {}

    def holds(self, file: str) -> bool:
        """Whether a file belongs to the pack."""
        return any(
            file == place or file.startswith(place.rstrip("/") + "/")
            for place in (self.root, *self.paths)
            if place == self.root or not PRODUCT.startswith(place)
        )

    def search_paths(self) -> list[str]:
        """The folders that the pack added to the search path, now or while it was imported."""
        added = [place for place in sys.path if place not in self.paths and place not in _baseline]
        return [*added, *self.paths]

    def owns(self, top: str) -> bool:
        """Whether this top-level name means a file of the pack."""
        if top in self.modules:
            return True
        if top in HOST_NAMES or top in sys.stdlib_module_names:
            return False
        loaded = sys.modules.get(top)
        if loaded is not None and not _is_ours(loaded) and not self.holds(str(_file(loaded))):
            return False
        paths = tuple(self.search_paths())
        key = (top, paths)
        if paths and key not in self.known:
            self.known[key] = PathFinder.find_spec(top, paths) is not None
        return bool(paths) and self.known[key]

    @contextmanager
    def visit(self, top: str) -> Iterator[None]:
        """Have the pack's own modules below `top`, and its search path, in force."""
        with _lock:
            if top in self.entered:
                yield
                return
            self.entered.add(top)
            outside = _take(top)
            sys.modules.update({name: self.modules[name] for name in self.modules if _below(name, top)})
            before = list(sys.path)
            sys.path[:] = [*self.search_paths(), *(place for place in before if place in _baseline)]
            try:
                yield
            finally:
                self.modules.update(_take(top))
                sys.modules.update(outside)
                new = [place for place in sys.path if place not in before and place not in self.paths]
                sys.path[:] = [*new, *before]
                self.entered.discard(top)

    @contextmanager
    def settle(self) -> Iterator[None]:
        """Import the pack itself: what it adds to the search path and beside its package stays its own."""
        with _lock:
            path, names = list(sys.path), set(sys.modules)
            _owners.clear()
            _baseline.update(path)
            try:
                yield
            finally:
                self.paths = [*(place for place in sys.path if place not in path), *self.paths]
                sys.path[:] = path
                for name in set(sys.modules) - names:
                    if not name.startswith("custom_nodes") and self.holds(str(_file(sys.modules[name]))):
                        self.modules[name] = sys.modules.pop(name)


_baseline: set[str] = set()


def claim(root: Path) -> Territory:
    """The territory of a pack; always the same one for the same place."""
    return _territories.setdefault(str(root), Territory(root))


def install() -> None:
    """Have imports of pack code look into the pack first; only worker processes do this."""
    builtins.__import__ = _import


def uninstall() -> None:
    """Import as before, and forget all packs."""
    builtins.__import__ = _find
    _territories.clear()
    _owners.clear()
    _baseline.clear()


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    territory = _owner(globals) if globals is not None and _territories else None
    if territory is not None and globals is not None:
        origin = name if level == 0 else str(globals.get("__package__") or "")
        top = origin.partition(".")[0]
        if top and (level == 0 or top in territory.modules) and territory.owns(top):
            ready = territory.modules.get(name) if level == 0 else None
            if ready is not None and top not in territory.entered:
                if not fromlist:
                    return territory.modules[top]
                if all(hasattr(ready, entry) for entry in fromlist):
                    return ready
            with territory.visit(top):
                return _find(name, globals, locals, fromlist or (), level)
    return _find(name, globals, locals, fromlist or (), level)


def _owner(scope: Mapping[str, object]) -> Territory | None:
    """The pack that a piece of code belongs to."""
    file = scope.get("__file__")
    if not isinstance(file, str):
        return None
    if file not in _owners:
        _owners[file] = next((pack for pack in _territories.values() if pack.holds(file)), None)
    return _owners[file]


def _is_ours(module: ModuleType) -> bool:
    """Whether a module is part of the app."""
    file = _file(module)
    return file is not None and file.startswith(PRODUCT + "/") and "/site-packages/" not in file


def _file(module: Any) -> str | None:
    file = getattr(module, "__file__", None)
    if file is None:
        places = list(getattr(module, "__path__", ()))
        file = f"{places[0]}/__init__.py" if places else None
    return file if isinstance(file, str) else None


def _below(name: str, top: str) -> bool:
    return name == top or name.startswith(top + ".")


def _take(top: str) -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _below(name, top)}
