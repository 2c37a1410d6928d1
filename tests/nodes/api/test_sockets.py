from nodes.api.sockets import LINKED_TYPES
from nodes.builtin import load_builtin

WRITABLE = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR", "BOUNDING_BOX", "CURVE", "ARRAY", "*"}


def test_types_that_can_be_written_into_a_graph_are_not_among_those_that_only_links_carry():
    assert {"IMAGE", "MODEL", "CONDITIONING", "AUDIO"} <= LINKED_TYPES
    assert LINKED_TYPES.isdisjoint(WRITABLE)


def test_every_type_of_the_nodes_that_come_along_is_known():
    specs = [entry.spec for entry in load_builtin().values()]
    outputs = {kind for spec in specs for output in spec.outputs for kind in output.type.split(",")}
    assert outputs <= LINKED_TYPES | WRITABLE
