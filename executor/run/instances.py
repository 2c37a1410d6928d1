"""Objects that nodes keep between runs, as long as graphs have the instance that made them."""

from collections.abc import Callable, Mapping
from typing import Any

from executor.graph.workflow import Instance


class InstanceStore:
    """Objects by instance and key; used on the threads that run nodes, one job at a time."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[str, str, Any]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, node_id: str, key: str, origin: Instance, factory: Callable[[], Any]) -> Any:
        """The object of an instance; `origin` is the submitted instance that it comes from."""
        entry = self._kept.get((node_id, key))
        if entry is None:
            entry = self._kept[node_id, key] = (origin.id, origin.type, factory())
        return entry[2]

    def keep_only(self, instances: Mapping[str, Instance]) -> None:
        """Drop what belongs to instances that are absent or have another type now."""
        for name, (origin, kind, _) in tuple(self._kept.items()):
            instance = instances.get(origin)
            if instance is None or instance.type != kind:
                del self._kept[name]

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
