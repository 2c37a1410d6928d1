from pathlib import Path

import pytest

import main
from executor.options import devices, make_parser, visible_devices, worker_arguments
from nodes.api.precision import Precision

NAMES = ("serve", "run", "check", "plan", "nodes", "info", "identify", "quantise", "worker")
COMMANDS = dict.fromkeys(NAMES, lambda options: 0)


def parse(*arguments):
    return make_parser(COMMANDS, Path("base"), "1").parse_args(arguments)


def test_commands_that_answer_log_warnings_alone_unless_asked_to():
    graph = ("graph.json",)
    given = {"run": graph, "check": graph, "plan": graph, "identify": ("one.safetensors",)}
    levels = {name: parse(name, *given.get(name, ())).verbose for name in NAMES[:7]}
    assert {name for name, level in levels.items() if level == "INFO"} == {"serve", "run"}
    assert {name for name, level in levels.items() if level == "WARNING"} == set(NAMES[2:7])
    assert parse("plan", "-v", "graph.json").verbose == "INFO"


def test_what_a_server_passes_to_a_worker_is_understood_there():
    given = [
        *("--output-directory", "/out", "--temp-directory", "/tmp/t", "--cpu", "--disable-metadata"),
        *("--extra-model-paths-config", "/a.yaml", "/b.yaml", "--cache-lru", "7", "--cache-dir", "/cache"),
        *("--fp8_e4m3fn-unet", "--fp8_e5m2-text-enc", "--bf16-vae", "--cpu-vae"),
        *("--preview-method", "none", "--verbose", "--whitelist-custom-nodes", "one", "two"),
        *("--preview-size", "256", "--deterministic"),
        *("--use-quad-cross-attention", "--disable-xformers", "--dont-upcast-attention"),
        "--torch-compile",
        *("--vram-limit", "6.5", "--ram-limit", "16", "--reserve-vram", "1", "--lowvram"),
    ]
    server = parse("serve", *given)
    worker = parse("worker", *worker_arguments(server), "--device", "cpu", "--connect", "fd:3")
    for name in (
        *("output_directory", "input_directory", "temp_directory", "cpu", "disable_metadata"),
        *("number_type", "text_type", "vae_type", "cpu_vae"),
        *("extra_model_paths_config", "cache_lru", "cache_ram", "cache_none", "cache_dir"),
        *(
            "preview_method",
            "preview_size",
            "deterministic",
            "verbose",
            "disable_all_custom_nodes",
            "whitelist_custom_nodes",
            "attention",
            "disable_xformers",
            "upcast_attention",
            "torch_compile",
            *("vram_limit", "ram_limit", "reserve_vram", "vram_way"),
        ),
    ):
        assert getattr(worker, name) == getattr(server, name), name
    assert worker.base_directory == Path("base").absolute()


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ((), "HeadroomCache"),
        (("--cache-classic",), "ClassicCache"),
        (("--cache-lru", "3"), "RecentCache"),
        (("--cache-ram",), "HeadroomCache"),
        (("--cache-none",), "NoCache"),
    ],
)
def test_results_are_kept_as_asked(tmp_path, arguments, kind):
    options = parse("check", "graph.json", *arguments, "--cache-dir", str(tmp_path / "results"))
    cache = main._result_cache(options, Precision())
    assert type(cache).__name__ == kind
    assert cache.disk is not None
    assert (tmp_path / "results").is_dir()


def test_there_is_a_worker_for_each_device():
    assert devices(parse("serve")) == ("",)
    assert devices(parse("serve", "--workers", "3")) == ("", "", "")
    assert devices(parse("serve", "--devices", "cuda:0, cuda:1")) == ("cuda:0", "cuda:1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--workers", "0"),
        ("--workers", "2", "--devices", "cpu"),
        ("--cache-none", "--cache-lru", "3"),
        ("--keep-history", "many"),
        ("--lease", "0"),
        ("--cancel-grace", "nan"),
        ("--cpu", "--cuda-device", "0"),
        ("--cuda-device", "0,x"),
        ("--cuda-device", "-1"),
        ("--default-device", "32"),
        ("--preview-size", "0"),
        ("--front-end-root", "/nowhere"),
        ("--tls-keyfile", "/nowhere.pem"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        parse("serve", *arguments)
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "has_token"),
    [
        ((), False),
        (("--listen", "127.0.0.1,::1"), False),
        (("--listen",), True),
        (("--listen", "192.168.1.2"), True),
        (("--listen", "192.168.1.2", "--insecure"), False),
        (("--token", "secret"), True),
    ],
)
def test_whoever_can_be_reached_from_elsewhere_asks_for_a_token(arguments, has_token):
    settings = main._web_settings(parse("serve", *arguments))
    assert bool(settings.token) is has_token
    if "--token" in arguments:
        assert settings.token == "secret"


def test_settings_reach_the_page(tmp_path):
    options = parse(
        "serve", "--front-end-root", str(tmp_path), "--multi-user", "--allow-host", "studio.local"
    )
    settings = main._web_settings(options)
    assert (settings.static_root, settings.multi_user, settings.allowed_hosts) == (
        tmp_path,
        True,
        ("studio.local",),
    )
    assert not settings.uses_own_page


def test_the_devices_that_torch_sees_are_chosen_by_the_environment():
    assert visible_devices(parse("serve")) == {}
    assert visible_devices(parse("serve", "--cuda-device", "2,0")) == {
        "CUDA_VISIBLE_DEVICES": "2,0",
        "HIP_VISIBLE_DEVICES": "2,0",
    }
    shown = visible_devices(parse("serve", "--default-device", "2"))["CUDA_VISIBLE_DEVICES"].split(",")
    assert shown[:4] == ["2", "0", "1", "3"]
    assert len(set(shown)) == len(shown) == 32


def test_no_browser_is_opened_unless_asked_for():
    assert not parse("serve").auto_launch
    assert parse("serve", "--auto-launch").auto_launch
    assert not parse("serve", "--auto-launch", "--disable-auto-launch").auto_launch
