"""Gathers the nodes that come with the app: every module of every menu folder beside this file."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import nodes
from nodes.api.catalogue import collect
from nodes.api.declare import Node

NOT_A_MENU = ("api", "builtin")


def menu_modules() -> Iterator[ModuleType]:
    """Import and yield the modules of the menus, in alphabetical order."""
    for menu in sorted(pkgutil.iter_modules(nodes.__path__), key=lambda found: found.name):
        if menu.name in NOT_A_MENU or not menu.ispkg:
            continue
        package = importlib.import_module(f"nodes.{menu.name}")
        for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
            yield importlib.import_module(f"nodes.{menu.name}.{found.name}")


def load_builtin() -> dict[str, Node]:
    """Return the nodes that come with the app, by id."""
    return collect(menu_modules())
