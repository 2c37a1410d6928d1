"""`/prompt`: a graph comes in, is judged whole, and is put into the queue or refused with every reason."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from executor.graph.parse import parse
from executor.graph.validate import TOP_LEVEL_TYPES, Validation, validate
from executor.queue.jobs import SECRET_KEYS, DuplicateJobError, NewJob, QueuedJob
from nodes.api.errors import NodeError, WorkflowError
from nodes.api.spec import NodeSpec
from web.keys import FOLDERS, SERVICE, SETTINGS
from web.node_errors import node_errors
from web.refusal import RefusedError, clipped
from web.verdict import VERDICT_SECONDS, with_verdict
from web.webhooks import check_webhook
from web.wire_json import json_response, read_json, type_name

routes = web.RouteTableDef()

# Graphs up to this size are judged on the loop; larger ones in a thread, so that nobody else waits.
QUICK_INSTANCES = 200
MAX_ID_LENGTH = 200
MAX_LINES = 50


@routes.get("/prompt")
async def queue_info(request: web.Request) -> web.Response:
    """How many jobs wait or run."""
    return json_response({"exec_info": {"queue_remaining": request.app[SERVICE].queue_remaining()}})


@routes.post("/prompt")
async def submit(request: web.Request) -> web.Response:
    """Validate a graph and queue it; answers once the job is on disk."""
    queued, errors = await accept(request)
    return json_response({"prompt_id": queued.job_id, "number": queued.number, "node_errors": errors})


async def accept(request: web.Request) -> tuple[QueuedJob, dict[str, Any]]:
    """The job that a request asks for, on disk and in the line, and what is wrong with the rest of its graph.

    With an `Idempotency-Key` a repeated request gets the job that the first one made.
    """
    service, settings = request.app[SERVICE], request.app[SETTINGS]
    key = _idempotency_key(request)
    body = await read_json(request)
    if isinstance(body, dict):
        body = await service.edit(body, timeout=VERDICT_SECONDS)
    if not isinstance(body, dict) or body.get("prompt") is None:
        raise _refused("no_prompt", "No prompt provided", "No prompt provided")
    if service.queue_remaining() >= settings.max_pending:
        raise RefusedError(
            429, "queue_full", f"{settings.max_pending} jobs wait already", headers={"Retry-After": "10"}
        )
    specs = await known_specs(request)
    validation, errors = await _judge(request, body["prompt"], specs, _targets(body))
    judged = await with_verdict(validation, specs, service) if validation.outputs else validation
    if judged is not validation:
        validation, errors = judged, node_errors(judged)
    _refuse_bad(validation, errors)
    job = _new_job(body, validation, key)
    check_webhook(job.extra_data, settings.webhook_hosts)
    try:
        queued = await service.submit(job)
    except DuplicateJobError:
        message = f"A job with the id {job.job_id!r} is waiting or running already"
        raise RefusedError(409, "duplicate_prompt_id", message, node_errors={}) from None
    if queued.is_repeat and queued.graph != job.graph:
        message = "That Idempotency-Key was used for another graph"
        raise RefusedError(409, "idempotency_conflict", message, node_errors={})
    return queued, errors


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= MAX_ID_LENGTH and key.isprintable()):
        raise _refused("invalid_request", "Idempotency-Key must be 1 to 200 printable letters")
    return key


async def known_specs(request: web.Request) -> Mapping[str, NodeSpec]:
    """The catalogue, waited for at the very first start, when no worker has sent one yet."""
    service = request.app[SERVICE]
    if not service.specs:
        await service.catalogue_ready(request.app[SETTINGS].catalogue_timeout_seconds)
    if not service.specs:
        message = "The worker is not up yet and has never told its nodes"
        raise RefusedError(503, "no_catalogue", message, headers={"Retry-After": "5"}, node_errors={})
    return service.specs


def _refused(kind: str, message: str, details: str = "", **extra_info: Any) -> RefusedError:
    return RefusedError(400, kind, message, details, extra_info=extra_info, node_errors={})


def _targets(body: Mapping[str, Any]) -> list[str] | None:
    targets = body.get("partial_execution_targets")
    if targets is None:
        return None
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        raise _refused("invalid_request", "partial_execution_targets must be an array of node ids")
    return targets


async def _judge(
    request: web.Request, prompt: Any, specs: Mapping[str, NodeSpec], targets: list[str] | None
) -> tuple[Validation, dict[str, Any]]:
    if not isinstance(prompt, dict):
        message = f"The prompt must be an object of nodes, not {type_name(prompt)}"
        raise _refused("invalid_prompt", message)
    folders, most = request.app[FOLDERS], request.app[SETTINGS].max_nodes
    drawn = prompt.get("nodes")
    _refuse_many(len(drawn) if isinstance(drawn, list) else len(prompt), most)

    def has_file(folder: str, name: str) -> bool:
        try:
            return folders.find(folder, name).is_file()
        except (NodeError, OSError, ValueError):
            return False

    def judge() -> tuple[Validation, dict[str, Any]]:
        graph = parse(prompt, specs)
        _refuse_many(len(graph.instances), most)  # subgraphs are written out by now
        validation = validate(graph, specs, folders.names, targets, has_file=has_file)
        return validation, node_errors(validation)

    try:
        return await asyncio.to_thread(judge) if len(prompt) > QUICK_INSTANCES or drawn else judge()
    except WorkflowError as error:
        details = error.details or (f"Node ID '#{error.node_id}'" if error.node_id else "")
        raise _refused(error.type, error.message, details) from None


def _refuse_many(nodes: int, most: int) -> None:
    if nodes > most:
        message = f"The graph has {nodes} nodes; this server takes at most {most}"
        raise RefusedError(413, "too_many_nodes", message, extra_info={"limit": most}, node_errors={})


def _refuse_bad(validation: Validation, errors: dict[str, Any]) -> None:
    """Raises if the graph cannot run at all, or holds a node that there is not."""
    for problem in validation.problems:
        if problem.type in TOP_LEVEL_TYPES:
            raise _refused(problem.type, problem.message, problem.details, **problem.extra_info)
    if not validation.outputs:
        told = validation.problems[:MAX_LINES]
        details = "\n".join(f"{problem.message}: {clipped(problem.details)}" for problem in told)
        kind, message = "prompt_outputs_failed_validation", "Prompt outputs failed validation"
        raise RefusedError(400, kind, message, details, node_errors=errors)


def _new_job(body: Mapping[str, Any], validation: Validation, key: str | None) -> NewJob:
    extra_data = body.get("extra_data")
    if extra_data is None:
        extra_data = {}
    if not isinstance(extra_data, dict):
        raise _refused("invalid_request", f"extra_data must be an object, not {type_name(extra_data)}")
    extra_data = {key: value for key, value in extra_data.items() if key not in SECRET_KEYS}
    client_id = body.get("client_id")
    if client_id is not None:
        if not isinstance(client_id, str) or len(client_id) > MAX_ID_LENGTH:
            raise _refused("invalid_request", "client_id must be a string of at most 200 letters")
        extra_data["client_id"] = client_id
    return NewJob(
        job_id=_job_id(body.get("prompt_id")),
        graph=validation.graph.to_api(),
        extra_data=extra_data,
        number=_number(body.get("number")),
        front=bool(body.get("front")),
        targets=validation.outputs,
        idempotency_key=key,
    )


def _job_id(given: Any) -> str:
    if given is None:
        return str(uuid.uuid4())
    if isinstance(given, dict | list):
        raise _refused("invalid_request", "prompt_id must be a string")
    job_id = str(given)
    if not job_id or len(job_id) > MAX_ID_LENGTH or not job_id.isprintable():
        raise _refused("invalid_request", "prompt_id must be 1 to 200 printable letters")
    return job_id


def _number(given: Any) -> float | None:
    if given is None:
        return None
    try:
        number = float(given)
    except (TypeError, ValueError, OverflowError):
        raise _refused("invalid_request", f"number must be a number, not {type_name(given)}") from None
    if not math.isfinite(number):
        raise _refused("invalid_request", "number must be finite")
    return number
