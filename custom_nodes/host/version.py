"""Which version of the ecosystem's interface do packs meet?"""

__all__ = ["COMPATIBLE_WITH"]
COMPATIBLE_WITH = "0.8.0"


def __getattr__(name: str) -> str:
    if name == "__version__":
        return COMPATIBLE_WITH
    raise AttributeError(name)
