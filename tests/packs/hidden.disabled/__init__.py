# ruff: noqa: N999
raise RuntimeError("this pack is disabled")
