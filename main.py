"""The one place where the parts meet: each command reads its settings, builds the parts and starts them."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.log_format import LineFormatter
from executor.memory_options import memory_contradiction, memory_limits
from executor.options import devices, make_parser, visible_devices, worker_arguments
from executor.precision_options import number_types
from executor.speed_options import attention_lack, attention_settings
from loaders.extra_paths import ExtraPathsError
from web.settings import VERSION, WebSettings

if TYPE_CHECKING:
    from custom_nodes.shelf import Shelf
    from executor.run.cache import ResultCache
    from executor.session import Session
    from executor.worker.connection import Connection
    from executor.worker.service import Service
    from executor.worker.workbench import Memory
    from loaders.folders import Folders
    from nodes.api.precision import Precision

ROOT = Path(__file__).resolve().parent
LOOK_SECONDS = 0.05


class StartError(Exception):
    """A command cannot be carried out on this machine as it was given; the text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "serve")
    named = (serve, run, check, plan, nodes, info, identify, quantise)
    commands = {each.__name__: each for each in named} | {"worker": work}
    options = make_parser(commands, ROOT / "user", VERSION).parse_args(given)
    # Threads that spin while they wait make a busy computer ten times slower, and gain little on an idle one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.update(visible_devices(options))
    if options.command != "worker":
        log_to_stdout = options.command == "serve" and options.log_stdout
        handler = logging.StreamHandler(sys.stdout if log_to_stdout else sys.stderr)
        handler.setFormatter(LineFormatter())
        logging.basicConfig(level=options.verbose, handlers=[handler])
    try:
        if lack := attention_lack(options) or memory_contradiction(options):
            raise StartError(lack)
        return int(options.run(options))
    except (ExtraPathsError, StartError) as problem:
        logging.getLogger(__name__).error("%s", problem)
        return 2
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
    from executor.worker.heap import settle
    from web.app import build
    from web.serving import TlsError, addresses, tls_context
    from web.serving import runner as make_runner

    folders = _folders(options)
    for directory in (options.user_directory, options.cache_dir):
        if directory is not None:
            _make_folder(directory)
    settings = _web_settings(options)
    try:
        tls = tls_context(options.tls_keyfile, options.tls_certfile)
    except TlsError as problem:
        raise StartError(str(problem)) from problem
    service = _service(options)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await service.start()
    runner = make_runner(build(service, folders, settings))
    try:
        await runner.setup()
        for host in settings.hosts:
            await web.TCPSite(runner, host, settings.port, ssl_context=tls).start()
        shown = "" if options.token else settings.token
        places = addresses(runner, shown, is_secure=tls is not None)
        if shown or not options.dont_print_server:
            for address in places:
                write_line(f"Sfumato is ready: {address}")
        if options.auto_launch:
            import webbrowser

            asyncio.get_running_loop().run_in_executor(None, webbrowser.open, places[0])
        settle()
        cleaning = asyncio.create_task(asyncio.to_thread(remove_old, folders.place("temp")))
        code = await _first_word(service, stop) if options.quick_test_for_ci else int(not await stop.wait())
        await cleaning
    except OSError as problem:
        write_line(f"cannot listen on {options.listen}, port {options.port}: {problem.strerror}", sys.stderr)
        return 1
    finally:
        await runner.cleanup()
        await service.stop()
    return code


async def _first_word(service: "Service", stop: asyncio.Event) -> int:
    """The exit code that says whether a worker came up."""
    while service.worker_state == "starting" and not stop.is_set():
        await asyncio.sleep(LOOK_SECONDS)
    return int(service.worker_state == "lost")


def _service(options: argparse.Namespace) -> "Service":
    from executor.worker.service import Service

    user = options.user_directory or options.base_directory
    workers = devices(options)
    # Workers that share a processor share its cores; more threads than cores only get in each other's way.
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // len(workers)))}
    return Service(
        user / "sfumato.db",
        [sys.executable, str(ROOT / "main.py"), "worker", *worker_arguments(options)],
        user / "catalogue.json",
        devices=workers,
        environment=threads if len(workers) > 1 and "OMP_NUM_THREADS" not in os.environ else None,
        cancel_grace_seconds=options.cancel_grace,
        lease_seconds=options.lease,
        keep_history=options.keep_history,
        keep_history_days=options.keep_history_days,
        paused=options.paused,
    )


def _web_settings(options: argparse.Namespace) -> WebSettings:
    from web.access import listens_beyond_loopback
    from web.tokens import new_token

    hosts = tuple(options.listen.split(","))
    token = options.token
    if token is None and listens_beyond_loopback(hosts) and not options.insecure:
        token = new_token()
    settings = WebSettings(
        user_directory=options.user_directory or options.base_directory,
        hosts=hosts,
        port=options.port,
        custom_nodes=() if options.disable_all_custom_nodes else _pack_places(options),
        allowed_hosts=tuple(options.allow_host),
        cors_origin=options.enable_cors_header,
        token=token,
        multi_user=options.multi_user,
        compress_responses=options.enable_compress_response_body,
        max_upload_bytes=int(options.max_upload_size * 2**20),
        webhook_hosts=tuple(options.allow_webhook),
        argv=tuple("<token>" if text == token else text for text in sys.argv),
    )
    return replace(settings, static_root=options.front_end_root) if options.front_end_root else settings


def work(options: argparse.Namespace) -> int:
    from executor.worker import child
    from executor.worker.connection import Connection, ConnectionHandler

    child.prepare_process()
    connection = Connection.open(options.connect)
    logging.basicConfig(level=options.verbose, handlers=[ConnectionHandler(connection)], format="%(message)s")

    from executor.worker.workbench import Workbench

    memory = _memory(options, options.device)
    folders = _folders(options)
    shelf = _shelf(options, folders, connection)
    everything, packs = shelf.look()
    settings = _bench_options(options, memory.precision)
    bench = Workbench(everything, folders, memory, packs=packs, pack_side=shelf, **settings)
    child.serve(connection, bench)
    return 0


def run(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.run(
        options.graph, options.assignments, options.json, lambda: _session(options), why=options.why
    )


def check(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.check(options.graph, options.assignments, options.json, lambda: _session(options))


def plan(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.plan(options.graph, options.assignments, options.json, lambda: _session(options))


def nodes(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.nodes(options.json, lambda: _session(options))


def info(options: argparse.Namespace) -> int:
    from executor import headless

    return headless.info(VERSION, options.json, lambda: _session(options))


def identify(options: argparse.Namespace) -> int:
    from executor.session_output import write_line
    from loaders.identify.verdict import identify_path

    code = 0
    for path in options.files:
        verdict = identify_path(path)
        whole = json.dumps({"file": str(path), **verdict.to_json()})
        for line in [whole] if options.json else verdict.lines():
            write_line(line)
        code = max(code, 0 if verdict.findings else 1 if verdict.contents else 2)
    return code


def quantise(options: argparse.Namespace) -> int:
    from executor import quantise

    return quantise.run(options.file, options.target, options.to)


def _session(options: argparse.Namespace) -> "Session":
    from executor.session import Session

    folders = _folders(options)
    everything, _ = _shelf(options, folders).look()
    memory = _memory(options)
    return Session(folders, nodes=everything, memory=memory, **_bench_options(options, memory.precision))


def _memory(options: argparse.Namespace, device: str | None = None) -> "Memory":
    from executor.worker.workbench import open_memory
    from models.attention_backends import choice

    try:
        choice.use(attention_settings(options))
    except ValueError as problem:
        raise StartError(str(problem)) from problem
    return open_memory(
        options.cpu,
        device,
        deterministic=options.deterministic,
        number_type=number_types(options),
        limits=memory_limits(options),
        compiler=options.torch_compile,
    )


def _shelf(
    options: argparse.Namespace, folders: "Folders", connection: "Connection | None" = None
) -> "Shelf":
    """The built-in nodes and those of packs, which speak to pages and serve routes if there is a server."""
    from custom_nodes.shelf import Shelf
    from executor.worker.protocol import PackFrame, PackMessage
    from nodes.builtin import load_builtin

    def send(message: PackMessage | PackFrame) -> None:
        if connection is not None:
            connection.send(message)

    return Shelf(
        (*_pack_places(options), *folders.extra.get("custom_nodes", ())),
        folders,
        load_builtin(),
        base=options.base_directory,
        disabled=options.disable_all_custom_nodes,
        whitelist=options.whitelist_custom_nodes,
        send=lambda event, data, client_id: send(PackMessage(event, data, client_id)),
        send_bytes=lambda event, data, client_id: send(PackFrame(event, data, client_id)),
        serves=connection is not None,
        options=vars(options),
    )


def _pack_places(options: argparse.Namespace) -> tuple[Path, ...]:
    return (ROOT / "custom_nodes", options.base_directory / "custom_nodes")


def _folders(options: argparse.Namespace) -> "Folders":
    from loaders.extra_paths import read_extra_paths
    from loaders.folders import Folders

    beside = ROOT / "extra_model_paths.yaml"
    extra = read_extra_paths([*([beside] if beside.is_file() else []), *options.extra_model_paths_config])
    folders = Folders(
        options.base_directory,
        inputs=options.input_directory,
        outputs=options.output_directory,
        temporary=options.temp_directory / "temp" if options.temp_directory else None,
        bundled=ROOT / "assets" / "models",
        extra=extra.after,
        preferred=extra.before,
    )
    try:
        folders.create()
    except OSError as problem:
        raise StartError(f"cannot make the folder {problem.filename}: {problem.strerror}") from problem
    return folders


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StartError(f"cannot make the folder {path}: {problem.strerror}") from problem


def _bench_options(options: argparse.Namespace, precision: "Precision") -> dict[str, Any]:
    return {
        "preview_method": options.preview_method,
        "preview_size": options.preview_size,
        "metadata": not options.disable_metadata,
        "cache": _result_cache(options, precision),
    }


def _result_cache(options: argparse.Namespace, precision: "Precision") -> "ResultCache":
    from executor.run.disk_cache import DiskCache
    from executor.run.policies import make_cache
    from executor.worker.result_memory import available_bytes, roomy_cache

    ram_limit = memory_limits(options).ram_bytes
    if options.cache_lru is not None:
        cache = make_cache("lru", options.cache_lru)
    elif options.cache_ram is not None:
        cache = make_cache("ram", options.cache_ram, partial(available_bytes, ram_limit))
    elif options.cache_none or options.cache_classic:
        cache = make_cache("none" if options.cache_none else "classic")
    else:
        cache = roomy_cache(ram_limit)
    if options.cache_dir is not None:
        from executor.worker.value_codecs import value_codecs

        size = int(options.cache_dir_size * 2**30)
        _make_folder(options.cache_dir)
        cache.disk = DiskCache(options.cache_dir, size, value_codecs(), salt=f"{VERSION} {precision}")
    return cache


if __name__ == "__main__":
    sys.exit(main())
