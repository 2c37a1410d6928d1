"""Which node packs are there, and what do they bring? One that fails to import hurts no other."""

import importlib.util
import inspect
import logging
import sys
import time
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from custom_nodes import imports
from custom_nodes.host import builtin_classes, finder, paths, server, state
from custom_nodes.report import PackReport
from custom_nodes.v1 import bridge as v1
from custom_nodes.v3 import bridge as v3
from loaders.folders import Folders
from nodes.api.declare import Node
from nodes.api.spec import NodeSpec

logger = logging.getLogger(__name__)

OWN = frozenset(
    {"__init__.py", "README.md", "imports.py", "packs.py", "report.py", "shelf.py", "v1", "v3", "host"}
)
OWN_FOLDER = Path(__file__).resolve().parent
PACK_ERRORS = (Exception, SystemExit)
_imported: set[str] = set()


@dataclass
class Packs:
    """What the packs brought: nodes by id, a report for each pack, folders of scripts for the page."""

    nodes: dict[str, Node] = field(default_factory=dict)
    reports: list[PackReport] = field(default_factory=list)
    web_directories: dict[str, Path] = field(default_factory=dict)
    model_folders: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    makers: dict[str, Callable[[], Node]] = field(default_factory=dict)

    def refresh(self) -> dict[str, NodeSpec]:
        """Ask every class again what it offers (lists of files change); returns the specs that changed."""
        changed = {}
        for node_id, make in self.makers.items():
            try:
                node = make()
            except PACK_ERRORS as error:
                logger.warning("%s cannot say what it offers now: %r", node_id, error)
                continue
            if node.spec != self.nodes[node_id].spec:
                changed[node_id] = node.spec
                self.nodes[node_id] = node
        return changed


def load_packs(
    places: Iterable[Path],
    folders: Folders,
    builtin: Mapping[str, Node],
    *,
    base: Path | None = None,
    disabled: bool = False,
    whitelist: Sequence[str] = (),
    send: Callable[[str, Any, str | None], None] = state.send_nowhere,
    send_bytes: Callable[[int, bytes, str | None], None] = state.send_no_bytes,
    options: Mapping[str, Any] | None = None,
) -> Packs:
    """Load every pack in these folders; with `disabled` only those on the white list.

    What a pack prints or raises stays with it: its report says what went wrong. `send(event, data, sid)` and
    `send_bytes(kind, data, sid)` pass its messages to pages. Names for packs (`folder_paths`, `server`, ...)
    are importable from now on.
    """
    places = list(dict.fromkeys(place.resolve() for place in places))
    unload_packs()
    host = state.Host(
        folders, dict(builtin), base or folders.base, send, options=options or {}, send_bytes=send_bytes
    )
    state.install(host)
    finder.install()
    imports.install()
    builtin_classes.install()
    paths.fill(folders, places)
    found = [path for path in find_packs(places) if not disabled or path.name in whitelist]
    early = {path: failure for path in found if (failure := run_prestartup(path)) is not None}
    packs = Packs()
    for path in found:
        report = Loading(path, packs, host, builtin).run()
        if path in early and report.error is None:
            report = replace(report, problems=(*report.problems, early[path]))
        packs.reports.append(report)
        log_report(report)
    packs.model_folders = paths.publish(folders)
    return packs


def unload_packs() -> None:
    """Take everything back that loading set up for the whole process, and forget the packs' modules."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "custom_nodes"]:
        if any(module == name or module.startswith(f"{name}.") for name in _imported):
            del sys.modules[module]
    _imported.clear()
    server.PromptServer.instance.reset()
    imports.uninstall()
    builtin_classes.uninstall()
    finder.uninstall()
    state.install(None)


def find_packs(places: Iterable[Path]) -> Iterator[Path]:
    """Folders and Python files that are packs, in alphabetical order."""
    for place in places:
        if not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            is_own = place == OWN_FOLDER and path.name in OWN
            hidden = path.name.startswith(".") or path.name == "__pycache__"
            if is_own or hidden or path.name.lower().endswith(".disabled"):
                continue
            if path.is_dir() or path.suffix == ".py":
                yield path


def run_prestartup(path: Path) -> str | None:
    """Run what a pack wants to happen before packs are imported; returns what went wrong, or None."""
    script = path / "prestartup_script.py"
    if not path.is_dir() or not script.is_file():
        return None
    try:
        with imports.claim(path).settle():
            load_module(f"custom_nodes.{safe_name(path)}.prestartup_script", script, keep=False)
    except PACK_ERRORS as error:
        logger.warning("%s: prestartup_script.py failed\n%s", path.name, pack_traceback(error))
        return f"prestartup_script.py failed: {type(error).__name__}: {error}"
    return None


class Loading:
    """The import of one pack."""

    def __init__(self, path: Path, packs: Packs, host: state.Host, builtin: Mapping[str, Node]) -> None:
        self.path = path
        self.packs = packs
        self.host = host
        self.builtin = builtin
        self.module_name = f"custom_nodes.{path.stem if path.is_file() else path.name}"
        self.sources = source_digest(path)
        self.node_ids: list[str] = []
        self.problems: list[str] = []

    def run(self) -> PackReport:
        """Import the pack and take its nodes over; what goes wrong is in the report."""
        began = time.perf_counter()
        error = trace = None
        web: Path | None = None
        try:
            with imports.claim(self.path).settle():
                module = self.import_module()
                self.take(module)
            web = self.web_directory(module)
        except PACK_ERRORS as problem:
            error = f"{type(problem).__name__}: {problem}"
            trace = pack_traceback(problem)
        return PackReport(
            name=self.path.name,
            path=str(self.path),
            seconds=round(time.perf_counter() - began, 4),
            node_ids=tuple(self.node_ids),
            error=error,
            traceback=trace,
            problems=tuple(self.problems),
            web_directory=None if web is None else str(web),
        )

    def import_module(self) -> ModuleType:
        """Import the pack under a name that no other module has."""
        entry = self.path / "__init__.py" if self.path.is_dir() else self.path
        if not entry.is_file():
            raise ImportError(f"the folder {self.path.name} has no __init__.py")
        name = f"custom_nodes.{safe_name(self.path)}"
        while name in sys.modules:
            name += "_"
        _imported.add(name)
        builtin_classes.LOADED_MODULE_DIRS[self.path.stem] = str(self.path)
        return load_module(name, entry)

    def take(self, module: ModuleType) -> None:
        """Take the nodes of a module, in whichever way it offers them."""
        before = set(builtin_classes.NODE_CLASS_MAPPINGS.added)
        mappings = getattr(module, "NODE_CLASS_MAPPINGS", None)
        own = self.declared_functions(module)
        entry = getattr(module, "comfy_entrypoint", None)
        if mappings is None and entry is None and not own:
            raise ImportError(
                "it has neither NODE_CLASS_MAPPINGS nor comfy_entrypoint nor a function with @node"
            )
        names: Mapping[str, str] = getattr(module, "NODE_DISPLAY_NAME_MAPPINGS", None) or {}
        builtin_classes.NODE_DISPLAY_NAME_MAPPINGS.update(names)
        for node_id, cls in (mappings or {}).items():
            self.add_class(str(node_id), cls, names.get(node_id))
        if mappings is None and entry is not None:
            for cls in v3.nodes_of(entry):
                self.add_class(v3.id_of(cls), cls, None)
        for node in own:
            self.add_function(node)
        for node_id in set(builtin_classes.NODE_CLASS_MAPPINGS.added) - before:
            if node_id not in self.node_ids:
                self.add_class(
                    node_id, builtin_classes.NODE_CLASS_MAPPINGS.added[node_id], names.get(node_id)
                )

    def add_class(self, node_id: str, cls: Any, display_name: str | None) -> None:
        """Adapt a V1 or V3 class."""
        if isinstance(cls, type):
            cls.RELATIVE_PYTHON_MODULE = self.module_name  # type: ignore[attr-defined] # packs read it there
        if v3.is_node(cls):
            self.add(node_id, lambda: v3.adapt(node_id, cls, display_name, self.module_name))
        else:
            self.add(node_id, lambda: v1.adapt(node_id, cls, display_name, self.module_name))

    def add_function(self, node: Node) -> None:
        """Take a function with @node over as it is."""
        self.add(node.spec.id, lambda: node)

    def add(self, node_id: str, make: Callable[[], Node]) -> None:
        """Take one node over, unless its name is one of ours or it cannot be read."""
        if node_id in self.builtin:
            self.problems.append(f"{node_id} comes with the app, so the pack's own is left out")
            return

        def make_with_version() -> Node:
            # A node may call anything in its pack, so a change of any file there makes its results stale.
            node = make()
            version = f"{node.spec.code_version} {self.sources}"
            return replace(node, spec=replace(node.spec, code_version=version))

        try:
            node = make_with_version()
        except PACK_ERRORS as error:
            self.problems.append(f"{node_id} cannot be read: {type(error).__name__}: {error}")
            logger.warning("%s: %s cannot be read\n%s", self.path.name, node_id, pack_traceback(error))
            return
        if node_id in self.packs.nodes:
            other = self.packs.nodes[node_id].spec.module
            self.problems.append(f"{node_id} takes the place of the one in {other}")
        self.packs.nodes[node_id] = self.host.nodes[node_id] = node
        self.packs.makers[node_id] = make_with_version
        builtin_classes.NODE_CLASS_MAPPINGS.made.pop(node_id, None)
        self.node_ids.append(node_id)

    def declared_functions(self, module: ModuleType) -> list[Node]:
        """The functions with @node in the pack's module, also those it imports from its own files."""
        found: dict[str, Node] = {}
        for value in vars(module).values():
            node = getattr(value, "node", None) if inspect.isfunction(value) else None
            if isinstance(node, Node) and f"{node.spec.module}.".startswith(f"{module.__name__}."):
                category = node.spec.category if node.spec.category != "custom_nodes" else self.path.stem
                found[node.spec.id] = replace(
                    node, spec=replace(node.spec, module=self.module_name, category=category)
                )
        return list(found.values())

    def web_directory(self, module: ModuleType) -> Path | None:
        """The pack's folder of scripts for the page, or None."""
        added = self.host.web_directories
        given = getattr(module, "WEB_DIRECTORY", None) or self.declared_web()
        if given and self.path.is_dir():
            place = (self.path / given).resolve()
            if place.is_dir():
                added[self.path.name] = str(place)
            else:
                self.problems.append(f"WEB_DIRECTORY {given!r} is no folder")
        for name, place_text in added.items():
            self.packs.web_directories[name] = Path(place_text)
        return self.packs.web_directories.get(self.path.name)

    def declared_web(self) -> str | None:
        """The folder of scripts that pyproject.toml names."""
        project = self.path / "pyproject.toml"
        if not project.is_file():
            return None
        try:
            web = tomllib.loads(project.read_text("utf-8")).get("tool", {}).get("comfy", {}).get("web")
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as error:
            self.problems.append(f"pyproject.toml cannot be read: {error}")
            return None
        return web if isinstance(web, str) else None


def load_module(name: str, file: Path, keep: bool = True) -> ModuleType:
    """Import a file under a name; a package's own modules are found beside it."""
    is_package = file.name == "__init__.py"
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=[str(file.parent)] if is_package else None
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for key in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            del sys.modules[key]
        raise
    if not keep:
        del sys.modules[name]
    return module


def source_files(path: Path) -> Iterator[Path]:
    """The Python files of a pack."""
    return path.rglob("*.py") if path.is_dir() else iter([path])


def source_digest(path: Path) -> str:
    """A digest of what is in the Python files of a pack; a file that goes meanwhile is left out."""
    digest = blake2b(digest_size=8)
    for file in sorted(source_files(path)):
        with suppress(OSError):
            content = file.read_bytes()
            digest.update(repr((str(file.relative_to(path)), len(content))).encode())
            digest.update(content)
    return digest.hexdigest()


def safe_name(path: Path) -> str:
    """The pack's name as part of a module name: without dots."""
    stem = path.stem if path.is_file() else path.name
    name = stem.replace(".", "_x_")
    return f"{name}_pack" if name in {Path(own).stem for own in OWN} else name


def pack_traceback(error: BaseException) -> str:
    """The traceback of an error, from where the pack's own code begins."""
    told = traceback.TracebackException.from_exception(error)
    ours = (str(OWN_FOLDER / "packs.py"), str(OWN_FOLDER / "imports.py"))
    own = [frame for frame in told.stack if frame.filename not in ours and "importlib" not in frame.filename]
    told.stack = traceback.StackSummary.from_list(own)
    return "".join(told.format())


def log_report(report: PackReport) -> None:
    """Say what became of a pack."""
    if report.error is not None:
        logger.warning("%s was not loaded: %s\n%s", report.name, report.error, report.traceback)
        return
    for problem in report.problems:
        logger.warning("%s: %s", report.name, problem)
    logger.info("%s: %s nodes in %.2f s", report.name, len(report.node_ids), report.seconds)
