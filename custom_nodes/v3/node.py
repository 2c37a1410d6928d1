"""The base of V3 node classes: class methods only, and the names by which V1 code reads a class."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from custom_nodes.v3.schema import HiddenHolder, NodeOutput, Schema

T = TypeVar("T")


class ClassProperty(Generic[T]):
    """An attribute that is worked out from the class."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        self.read = read

    def __get__(self, instance: object, owner: Any) -> T:
        return self.read(owner)


class ComfyNode:
    """A node class: `define_schema` says what it is, `execute` does the work."""

    hidden: ClassVar[HiddenHolder] = HiddenHolder()
    RELATIVE_PYTHON_MODULE: ClassVar[str | None] = None

    @classmethod
    @abstractmethod
    def define_schema(cls) -> Schema:
        """The schema; asked for again whenever the list of nodes is sent."""

    @classmethod
    @abstractmethod
    def execute(cls, **kwargs: Any) -> Any:
        """The outputs for these inputs; may be a coroutine."""

    @classmethod
    def validate_inputs(cls, **kwargs: Any) -> bool | str:
        """True, or what is wrong with the literal inputs."""
        return True

    @classmethod
    def fingerprint_inputs(cls, **kwargs: Any) -> Any:
        """Something that changes when the result would though no input did."""

    @classmethod
    def check_lazy_status(cls, **kwargs: Any) -> list[str]:
        """The lazy inputs that are still wanted."""
        return [name for name, value in kwargs.items() if value is None]

    @classmethod
    def GET_SCHEMA(cls) -> Schema:
        """The schema, complete and checked."""
        schema = cls.define_schema()
        if not isinstance(schema, Schema):
            raise TypeError(f"{cls.__name__}.define_schema gave {type(schema).__name__}, not a Schema")
        schema.finalize()
        schema.validate()
        return schema

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        """The inputs as V1 code reads them."""
        sections: dict[str, dict[str, Any]] = dict(cls.GET_SCHEMA().info("")["input"])
        return sections

    @classmethod
    def is_own(cls, hook: str) -> bool:
        """Whether the class has a hook of its own."""
        return getattr(cls, hook).__func__ is not getattr(ComfyNode, hook).__func__

    FUNCTION = "EXECUTE_NORMALIZED"
    RETURN_TYPES = ClassProperty(lambda cls: [entry.get_io_type() for entry in cls.GET_SCHEMA().outputs])
    RETURN_NAMES = ClassProperty(
        lambda cls: [entry.display_name or entry.get_io_type() for entry in cls.GET_SCHEMA().outputs]
    )
    OUTPUT_IS_LIST = ClassProperty(lambda cls: [entry.is_output_list for entry in cls.GET_SCHEMA().outputs])
    OUTPUT_TOOLTIPS = ClassProperty(lambda cls: [entry.tooltip for entry in cls.GET_SCHEMA().outputs])
    OUTPUT_NODE = ClassProperty(lambda cls: cls.GET_SCHEMA().is_output_node)
    INPUT_IS_LIST = ClassProperty(lambda cls: cls.GET_SCHEMA().is_input_list)
    CATEGORY = ClassProperty(lambda cls: cls.GET_SCHEMA().category)
    DESCRIPTION = ClassProperty(lambda cls: cls.GET_SCHEMA().description)
    DEPRECATED = ClassProperty(lambda cls: cls.GET_SCHEMA().is_deprecated)
    EXPERIMENTAL = ClassProperty(lambda cls: cls.GET_SCHEMA().is_experimental)
    API_NODE = ClassProperty(lambda cls: cls.GET_SCHEMA().is_api_node)
    NOT_IDEMPOTENT = ClassProperty(lambda cls: cls.GET_SCHEMA().not_idempotent)

    @classmethod
    def EXECUTE_NORMALIZED(cls, *args: Any, **kwargs: Any) -> NodeOutput:
        """`execute`, with whatever it returns as a NodeOutput."""
        return normal_output(cls, cls.execute(*args, **kwargs))


class Locked(type):
    """The kind of class that calls run on: nothing can be kept on it."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise AttributeError(f"{cls.__name__}.{name} cannot be set: node classes keep nothing between calls")


def clone(cls: Any, hidden: HiddenHolder) -> Any:
    """A locked copy of a node class that sees the hidden values of one call."""
    return Locked(f"{cls.__name__}Clone", (cls,), {"hidden": hidden, "__module__": cls.__module__})


def normal_output(cls: Any, result: Any) -> NodeOutput:
    """What `execute` returned as a NodeOutput; raises TypeError for what is none."""
    from custom_nodes.host.graph_builder import ExecutionBlocker

    if isinstance(result, NodeOutput):
        return result
    if result is None:
        return NodeOutput()
    if isinstance(result, tuple):
        return NodeOutput(*result)
    if isinstance(result, dict):
        return NodeOutput.from_dict(result)
    if isinstance(result, ExecutionBlocker):
        return NodeOutput(*[result] * len(cls.GET_SCHEMA().outputs))
    raise TypeError(f"Invalid return type from node: {type(result).__name__}")
