"""What packs read of the command line, under the ecosystem's names."""

from types import SimpleNamespace

import pytest

from custom_nodes.host import settings


def test_flags_that_are_one_option_here_are_told_apart_for_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"attention": "split", "upcast_attention": False, "disable_xformers": True}
    monkeypatch.setattr(settings, "get_host", lambda: SimpleNamespace(options=given))
    found = {name for name in (*settings.CHOICES, "disable_xformers") if getattr(settings.args, name)}
    assert found == {"use_split_cross_attention", "dont_upcast_attention", "disable_xformers"}
    monkeypatch.setattr(settings, "get_host", lambda: SimpleNamespace(options={}))
    assert not any(getattr(settings.args, name) for name in settings.CHOICES)
    with pytest.raises(AttributeError, match="there is no option magic"):
        _ = settings.args.magic
