"""Whether instances wait for each other so that none can go on."""

from collections.abc import Iterable, Iterator, Mapping


def find_cycle(waits: Mapping[str, Iterable[str]]) -> list[str]:
    """Instances that each wait for the next, and the last for the first; empty if there are none."""
    done: set[str] = set()
    for start in waits:
        if start in done:
            continue
        path = [start]
        position = {start: 0}
        pending: list[Iterator[str]] = [iter(waits[start])]
        while path:
            for needed in pending[-1]:
                if needed in position:
                    return path[position[needed] :]
                if needed in waits and needed not in done:
                    position[needed] = len(path)
                    path.append(needed)
                    pending.append(iter(waits[needed]))
                    break
            else:
                node_id = path.pop()
                pending.pop()
                del position[node_id]
                done.add(node_id)
    return []
