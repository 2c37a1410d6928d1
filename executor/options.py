"""What can be said on the command line? Every flag, under the ecosystem's name where it has one."""

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from executor.memory_options import add_memory_options, memory_arguments
from executor.precision_options import add_precision_options, precision_arguments
from executor.speed_options import add_speed_options, speed_arguments
from loaders.identify.gguf_header import WRITTEN, WRITTEN_PLAIN

EPILOG = """exit codes:
  0  it worked               3  the workflow has problems (nothing ran)
  1  it failed             130  it was cancelled
  2  wrong usage, or a file that is no workflow
"""
Command = Callable[[argparse.Namespace], int]
MOST_DEVICES = 32
# What these do is worth a line of the log; the others answer a question, and only warnings go with that.
DOING = frozenset({"serve", "run", "quantise", "worker"})


def make_parser(commands: Mapping[str, Command], base: Path, version: str) -> argparse.ArgumentParser:
    """The parser of all commands; `options.run` is the function of the one that was given."""
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Sfumato: visual workflows for diffusion models. Without a command: serve.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Sfumato {version}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    graph = _graph_options()
    places, doing, answering = _place_options(base), _run_options("INFO"), _run_options("WARNING")
    lines = argparse.ArgumentParser(add_help=False)
    lines.add_argument("--json", action="store_true", help="write JSON, one object a line")

    def add(name: str, about: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        settings = [places, doing if name in DOING else answering]
        command = subparsers.add_parser(name, help=about, description=about, parents=[*parents, *settings])
        command.set_defaults(run=commands[name])
        return command

    command = add("serve", "serve the page and the API, with workers that run the jobs")
    _add_network_options(command)
    _add_queue_options(command)
    command = add("run", "run a workflow and write its results; needs no server", graph, lines)
    command.add_argument(
        "--why", action="store_true", help="say at the end why each node ran, or why it did not"
    )
    command.add_argument(
        "--output", type=Path, metavar="DIR", dest="output_directory", help="write results there"
    )
    add("check", "list everything that is wrong with a workflow; runs nothing", graph, lines)
    add("plan", "tell how much memory a workflow takes, what sits where and why; loads nothing", graph, lines)
    add("nodes", "list the nodes", lines)
    add("info", "tell versions, device and folders", lines)
    command = add("identify", "say what model files are, and why, from their headers alone", lines)
    command.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a file, an index of shards or a diffusers folder"
    )
    command = add("quantise", "write the network of a model file as GGUF, with fewer bits for each weight")
    command.add_argument("file", type=_file, metavar="FILE", help="a checkpoint, or a network or CLIP alone")
    command.add_argument(
        "--to", required=True, type=str.upper, choices=(*WRITTEN, *WRITTEN_PLAIN), metavar="TYPE",
        help=f"one of {', '.join((*WRITTEN, *WRITTEN_PLAIN))}",
    )  # fmt: skip
    command.add_argument(
        "--output", type=Path, metavar="TARGET", dest="target", help="by default beside FILE, with the type"
    )
    command = add("worker", "run jobs for a server, which starts this itself")
    command.add_argument("--connect", required=True, metavar="ADDRESS", help="fd:N")
    command.add_argument("--device", metavar="NAME", help="cpu, or cuda:N")
    return parser


def worker_arguments(options: argparse.Namespace) -> list[str]:
    """What a server passes on to its workers."""
    given: list[str] = []
    for name in ("base", "input", "output", "temp", "user"):
        if (directory := getattr(options, f"{name}_directory")) is not None:
            given += [f"--{name}-directory", str(directory.absolute())]
    for file in options.extra_model_paths_config:
        given += ["--extra-model-paths-config", str(file.absolute())]
    given += ["--preview-method", options.preview_method, "--verbose", options.verbose]
    given += ["--preview-size", str(options.preview_size)]
    given += speed_arguments(options)
    given += memory_arguments(options, len(devices(options)))
    given += precision_arguments(options)
    for flag in (
        *("cpu", "deterministic", "disable_metadata", "disable_all_custom_nodes"),
        *("cache_classic", "cache_none"),
    ):
        given += [f"--{flag.replace('_', '-')}"] * getattr(options, flag)
    for name in ("cache_lru", "cache_ram", "cache_dir", "cache_dir_size"):
        if (value := getattr(options, name)) is not None:
            given += [f"--{name.replace('_', '-')}", str(value)]
    if options.whitelist_custom_nodes:
        given += ["--whitelist-custom-nodes", *options.whitelist_custom_nodes]
    return given


def visible_devices(options: argparse.Namespace) -> dict[str, str]:
    """What the environment must hold so that CUDA and HIP show the devices asked for; nothing for all."""
    if options.cuda_device is not None:
        shown = options.cuda_device
    elif options.default_device is not None:
        others = (str(number) for number in range(MOST_DEVICES) if number != options.default_device)
        shown = ",".join((str(options.default_device), *others))
    else:
        return {}
    return dict.fromkeys(("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"), shown)


def devices(options: argparse.Namespace) -> tuple[str, ...]:
    """One device for each worker; an empty name leaves the choice to the worker."""
    names: str | None = options.devices
    if names:
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return ("",) * int(options.workers)


def _graph_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "graph", type=Path, metavar="GRAPH", help="API or editor JSON, or a PNG with a workflow"
    )
    options.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="NODE.INPUT=VALUE",
        help="change an input; NODE is an id, or a title or type that only one node has; repeatable",
    )
    return options


def _place_options(base: Path) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("places")
    for kind, default, what in (
        ("base", base, "holds models, input, output, temp, custom_nodes and the user's data"),
        ("input", None, "pictures that come in"),
        ("output", None, "results"),
        ("temp", None, "previews, in DIR/temp"),
        ("user", None, "the queue, settings and saved workflows"),
    ):
        group.add_argument(f"--{kind}-directory", type=Path, metavar="DIR", default=default, help=what)
    group.add_argument(
        "--extra-model-paths-config",
        type=Path,
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help="YAML that names further model folders; extra_model_paths.yaml beside main.py is read unasked",
    )
    return options


def _run_options(log_level: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("computing")
    device = group.add_mutually_exclusive_group()
    device.add_argument("--cpu", action="store_true", help="compute on the CPU even if there is a GPU")
    device.add_argument(
        "--cuda-device",
        type=_device_numbers,
        metavar="ID[,ID]",
        help="see only these GPUs, as cuda:0 and on",
    )
    device.add_argument("--default-device", type=_number, metavar="ID", help="see this GPU as cuda:0")
    add_precision_options(group)
    group.add_argument(
        "--deterministic",
        action="store_true",
        help="prefer algorithms that give equal bits each time",
    )
    add_speed_options(group)
    add_memory_options(options.add_argument_group("memory"))
    group.add_argument("--disable-metadata", action="store_true", help="save no workflow in results")
    group.add_argument(
        "--preview-method",
        choices=("auto", "none", "latent2rgb", "taesd"),
        default="auto",
        help="pictures while sampling",
    )
    group.add_argument(
        "--preview-size", type=_positive, default=512, metavar="PIXELS", help="the longer side of previews"
    )
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    group.add_argument(
        "--verbose", nargs="?", const="DEBUG", default=log_level, choices=levels, help="log level"
    )
    group.add_argument(
        "-v", dest="verbose", action="store_const", const="INFO", help="log what is done: --verbose INFO"
    )
    group.add_argument(
        "--disable-all-custom-nodes", action="store_true", help="load no packs but those on the white list"
    )
    group.add_argument("--whitelist-custom-nodes", nargs="+", default=[], metavar="NAME")
    cache = options.add_argument_group("results that are kept")
    policy = cache.add_mutually_exclusive_group()
    policy.add_argument("--cache-classic", action="store_true", help="those of the last workflow")
    policy.add_argument("--cache-lru", type=int, metavar="N", help="the N used last")
    policy.add_argument("--cache-ram", type=float, nargs="?", const=4.0, metavar="GB", help="so much of them")
    policy.add_argument("--cache-none", action="store_true", help="none: every node runs every time")
    cache.add_argument("--cache-dir", type=Path, metavar="DIR", help="on disk too, for after a restart")
    cache.add_argument("--cache-dir-size", type=float, default=10.0, metavar="GB", help="so much on disk")
    return options


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument("--listen", nargs="?", const="0.0.0.0,::", default="127.0.0.1", metavar="IP[,IP]")
    group.add_argument("--port", type=int, default=8188, help="0 takes any free one")
    group.add_argument("--tls-keyfile", type=_file, metavar="FILE", help="PEM; with a certificate: https")
    group.add_argument("--tls-certfile", type=_file, metavar="FILE", help="PEM, with its chain")
    group.add_argument("--token", metavar="TEXT", help="who talks to the server must show it")
    group.add_argument(
        "--insecure", action="store_true", help="ask for no token though other machines can connect"
    )
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name too; repeatable",
    )
    group.add_argument("--enable-cors-header", nargs="?", const="*", metavar="ORIGIN", help="let a site in")
    group.add_argument("--max-upload-size", type=float, default=100, metavar="MB")
    group.add_argument("--enable-compress-response-body", action="store_true", help="gzip JSON and text")
    group.add_argument(
        "--front-end-root", type=_directory, metavar="DIR", help="serve another page from there"
    )
    group.add_argument("--auto-launch", action="store_true", help="open the page in a browser")
    group.add_argument(
        "--disable-auto-launch", action="store_false", dest="auto_launch", help="open none (the default)"
    )
    group.add_argument(
        "--dont-print-server", action="store_true", help="do not say the address, unless it holds a new token"
    )
    group.add_argument("--log-stdout", action="store_true", help="log to standard output")
    group.add_argument("--multi-user", action="store_true", help="keep the data of users apart")
    group.add_argument(
        "--allow-webhook", action="append", default=[], metavar="HOST", help="jobs may call there; repeatable"
    )


def _add_queue_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("queue and workers")
    workers = group.add_mutually_exclusive_group()
    workers.add_argument("--devices", metavar="NAME[,NAME]", help="a worker for each: cuda:0,cuda:1")
    workers.add_argument("--workers", type=_positive, default=1, metavar="N", help="so many on one device")
    group.add_argument("--paused", action="store_true", help="let jobs wait until the queue is resumed")
    group.add_argument(
        "--quick-test-for-ci", action="store_true", help="end when a worker is ready (0) or died (1)"
    )
    group.add_argument(
        "--cancel-grace",
        type=_seconds,
        default=10,
        metavar="SECONDS",
        help="a cancelled node that goes on is killed then, one that stands still sooner",
    )
    group.add_argument(
        "--lease",
        type=_seconds,
        default=20,
        metavar="SECONDS",
        help="then a worker that stands still is replaced",
    )
    group.add_argument("--keep-history", type=int, default=10_000, metavar="JOBS")
    group.add_argument("--keep-history-days", type=float, metavar="DAYS")


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


def _seconds(text: str) -> float:
    if not 0 < (number := float(text)) < math.inf:
        raise argparse.ArgumentTypeError(f"must be more than 0 seconds, not {text}")
    return number


def _number(text: str) -> int:
    if not 0 <= (number := int(text)) < MOST_DEVICES:
        raise argparse.ArgumentTypeError(f"must be 0 to {MOST_DEVICES - 1}, not {number}")
    return number


def _device_numbers(text: str) -> str:
    return ",".join(str(_number(part)) for part in text.split(","))


def _file(text: str) -> Path:
    if not (path := Path(text)).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _directory(text: str) -> Path:
    if not (path := Path(text)).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return path
