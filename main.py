"""The one place where the parts meet: each command reads its settings, builds the parts and starts them."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.log_format import LineFormatter
from web.settings import VERSION, WebSettings

if TYPE_CHECKING:
    from executor.session import Session
    from loaders.folders import Folders

ROOT = Path(__file__).resolve().parent
EPILOG = """exit codes:
  0  it worked               3  the workflow has problems (nothing ran)
  1  it failed             130  it was cancelled
  2  wrong usage, or a file that is no workflow
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "serve")
    options = _parser().parse_args(given)
    # Threads that spin while they wait make a busy computer ten times slower, and gain little on an idle one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if options.command != "worker":
        handler = logging.StreamHandler()
        handler.setFormatter(LineFormatter())
        logging.basicConfig(level=options.verbose, handlers=[handler])
    try:
        return int(options.run(options))
    except BrokenPipeError:
        # Whoever read the output has had enough of it, as `head` does; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def serve(options: argparse.Namespace) -> int:
    from executor.queue.schema import QueueDatabaseError
    from executor.session_output import write_line

    try:
        return asyncio.run(_serve(options))
    except QueueDatabaseError as problem:
        write_line(str(problem), sys.stderr)
        return 1


async def _serve(options: argparse.Namespace) -> int:
    from aiohttp import web

    from executor.session_output import write_line
    from executor.temporary_files import remove_old
    from executor.worker.service import Service
    from web.app import build

    user = options.user_directory or options.base_directory
    settings = WebSettings(
        user_directory=user,
        hosts=tuple(options.listen.split(",")),
        port=options.port,
        cors_origin=options.enable_cors_header,
        compress_responses=options.enable_compress_response_body,
        max_upload_bytes=int(options.max_upload_size * 2**20),
        argv=tuple(sys.argv),
    )
    folders = _folders(options)
    command = [sys.executable, str(ROOT / "main.py"), "worker", *_worker_options(options)]
    service = Service(
        user / "sfumato.db", command, user / "catalogue.json", cancel_grace_seconds=options.cancel_grace
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await service.start()
    runner = web.AppRunner(build(service, folders, settings), access_log=None, shutdown_timeout=1.0)
    try:
        await runner.setup()
        for host in settings.hosts:
            await web.TCPSite(runner, host, settings.port).start()
        for address in runner.addresses:
            name = f"[{address[0]}]" if ":" in address[0] else address[0]
            write_line(f"Sfumato is ready: http://{name}:{address[1]}")
        cleaning = asyncio.create_task(asyncio.to_thread(remove_old, folders.place("temp")))
        await stop.wait()
        await cleaning
    except OSError as problem:
        write_line(f"cannot listen on {options.listen}, port {options.port}: {problem.strerror}", sys.stderr)
        return 1
    finally:
        await runner.cleanup()
        await service.stop()
    return 0


def work(options: argparse.Namespace) -> int:
    from executor.worker import child
    from executor.worker.connection import Connection, ConnectionHandler

    child.prepare_process()
    connection = Connection.open(options.connect)
    logging.basicConfig(level=options.verbose, handlers=[ConnectionHandler(connection)], format="%(message)s")

    from executor.worker.workbench import Workbench, open_memory
    from nodes.builtin import load_builtin

    memory = open_memory(options.cpu)
    child.serve(connection, Workbench(load_builtin(), _folders(options), memory, **_bench_options(options)))
    return 0


def run(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.run(options.graph, options.assignments, options.json, lambda: _session(options))


def check(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.check(options.graph, options.assignments, options.json, lambda: _session(options))


def nodes(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.nodes(options.json, lambda: _session(options))


def info(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.info(VERSION, options.json, lambda: _session(options))


def _session(options: argparse.Namespace) -> "Session":
    from executor.session import Session

    return Session(_folders(options), cpu=options.cpu, **_bench_options(options))


def _folders(options: argparse.Namespace) -> "Folders":
    from loaders.folders import Folders

    folders = Folders(
        options.base_directory,
        inputs=options.input_directory,
        outputs=options.output_directory,
        temporary=options.temp_directory / "temp" if options.temp_directory else None,
        bundled=ROOT / "assets" / "models",
    )
    folders.create()
    return folders


def _bench_options(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "preview_method": options.preview_method,
        "metadata": not options.disable_metadata,
    }


def _worker_options(options: argparse.Namespace) -> list[str]:
    given: list[str] = []
    for name in ("base", "input", "output", "temp", "user"):
        if (directory := getattr(options, f"{name}_directory")) is not None:
            given += [f"--{name}-directory", str(directory.absolute())]
    given += ["--preview-method", options.preview_method, "--verbose", options.verbose]
    given += ["--cpu"] * options.cpu + ["--disable-metadata"] * options.disable_metadata
    return given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Sfumato: visual workflows for diffusion models. Without a command: serve.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Sfumato {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    places, graph = _place_options(), _graph_options()
    lines = argparse.ArgumentParser(add_help=False)
    lines.add_argument("--json", action="store_true", help="write JSON, one object a line")

    def add(name: str, run: object, about: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about, parents=[*parents, places])
        command.set_defaults(run=run)
        return command

    _add_serve_options(add("serve", serve, "serve the page and the API, with a worker that runs the jobs"))
    command = add("run", run, "run a workflow and write its results; needs no server", graph, lines)
    command.add_argument(
        "--output", type=Path, metavar="DIR", dest="output_directory", help="write results there"
    )
    add("check", check, "list everything that is wrong with a workflow; runs nothing", graph, lines)
    add("nodes", nodes, "list the nodes", lines)
    add("info", info, "tell versions, device and folders", lines)
    command = add("worker", work, "run jobs for a server, which starts this itself")
    command.add_argument("--connect", required=True, metavar="ADDRESS", help="fd:N")
    return parser


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


def _place_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("places and device")
    for kind, default, what in (
        ("base", ROOT / "user", "holds models, input, output, temp and the user's data"),
        ("input", None, "pictures that come in"),
        ("output", None, "results"),
        ("temp", None, "previews, in DIR/temp"),
        ("user", None, "the queue, settings and saved workflows"),
    ):
        group.add_argument(f"--{kind}-directory", type=Path, metavar="DIR", default=default, help=what)
    group.add_argument("--cpu", action="store_true", help="compute on the CPU even if there is a GPU")
    group.add_argument("--disable-metadata", action="store_true", help="save no workflow in results")
    group.add_argument(
        "--preview-method",
        choices=("auto", "none", "latent2rgb"),
        default="auto",
        help="pictures while sampling",
    )
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    group.add_argument(
        "--verbose", nargs="?", const="DEBUG", default="INFO", choices=levels, help="log level"
    )
    return options


def _add_serve_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument("--listen", nargs="?", const="0.0.0.0,::", default="127.0.0.1", metavar="IP[,IP]")
    group.add_argument("--port", type=int, default=8188, help="0 takes any free one")
    group.add_argument("--enable-cors-header", nargs="?", const="*", metavar="ORIGIN", help="let a site in")
    group.add_argument("--max-upload-size", type=float, default=100, metavar="MB")
    group.add_argument("--enable-compress-response-body", action="store_true", help="gzip JSON and text")
    group.add_argument(
        "--cancel-grace", type=float, default=10, metavar="SECONDS", help="then a cancelled node is killed"
    )


if __name__ == "__main__":
    sys.exit(main())
