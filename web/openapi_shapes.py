"""What do requests and answers look like? JSON Schemas of the bodies that programs build on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}


def ref(name: str) -> Schema:
    """A reference to one of the named schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """An array of one kind of things."""
    return {"type": "array", "items": items}


def by_name(values: Schema) -> Schema:
    """An object whose keys are free."""
    return {"type": "object", "additionalProperties": values}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with known keys; others may come."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


SAVED = record({"name": TEXT, "size": WHOLE, "modified": WHOLE})
SAVED_VERSION = record({"id": TEXT, "revision": TEXT, "size": WHOLE, "modified": WHOLE})
ERROR = record({"type": TEXT, "message": TEXT, "details": TEXT, "extra_info": ANY_OBJECT})
NODE_ERROR = record({"errors": array(ref("Error")), "dependent_outputs": array(TEXT), "class_type": TEXT})
GRAPH_NODE = record({"class_type": TEXT}, {"inputs": ANY_OBJECT, "_meta": ANY_OBJECT})
PROMPT_REQUEST = record(
    {"prompt": ANY_OBJECT},
    {
        "prompt_id": TEXT,
        "client_id": TEXT,
        "number": NUMBER,
        "front": FLAG,
        "extra_data": ANY_OBJECT,
        "partial_execution_targets": array(TEXT),
    },
)
JOB = record(
    {
        "id": TEXT,
        "status": {"enum": ["pending", "in_progress", "completed", "failed"]},
        "state": {"enum": ["queued", "lost", "running", "succeeded", "failed", "cancelled"]},
        "priority": NUMBER,
        "attempts": WHOLE,
        "create_time": WHOLE,
        "outputs_count": WHOLE,
    },
    {
        "position": WHOLE,
        "worker": WHOLE,
        "execution_start_time": WHOLE,
        "execution_end_time": WHOLE,
        "execution_error": ANY_OBJECT,
        "preview_output": ANY_OBJECT,
        "workflow_id": TEXT,
        "outputs": by_name(ANY_OBJECT),
        "execution_status": ref("HistoryStatus"),
        "workflow": record({"prompt": ANY_OBJECT, "extra_data": ANY_OBJECT}),
    },
)
WORKER = record(
    {
        "index": WHOLE,
        "name": TEXT,
        "state": {"enum": ["starting", "ready", "busy", "lost"]},
        "process_id": {"type": ["integer", "null"]},
        "job_id": MAYBE_TEXT,
        "node_id": MAYBE_TEXT,
        "resident": array(TEXT),
        "device": ANY_OBJECT,
    }
)
NODE_INFO = record(
    {
        "input": by_name(ANY_OBJECT),
        "input_order": by_name(array(TEXT)),
        "output": {"type": "array"},
        "output_is_list": array(FLAG),
        "output_name": array(TEXT),
        "name": TEXT,
        "display_name": MAYBE_TEXT,
        "description": TEXT,
        "python_module": TEXT,
        "category": TEXT,
        "output_node": FLAG,
    }
)
DEVICE = record(
    {
        "name": TEXT,
        "type": TEXT,
        "index": {"type": ["integer", "null"]},
        "vram_total": WHOLE,
        "vram_free": WHOLE,
        "torch_vram_total": WHOLE,
        "torch_vram_free": WHOLE,
    }
)
SYSTEM = record(
    {
        "os": TEXT,
        "ram_total": WHOLE,
        "ram_free": WHOLE,
        "comfyui_version": TEXT,
        "python_version": TEXT,
        "pytorch_version": TEXT,
        "embedded_python": FLAG,
        "argv": array(TEXT),
    }
)
PAGINATION = record(
    {"offset": WHOLE, "limit": {"type": ["integer", "null"]}, "total": WHOLE, "has_more": FLAG}
)

SCHEMAS: Mapping[str, Schema] = {
    "Error": ERROR,
    "Refusal": record(
        {"error": {"oneOf": [ref("Error"), TEXT]}}, {"node_errors": by_name(ref("NodeErrors"))}
    ),
    "NodeErrors": NODE_ERROR,
    "GraphNode": GRAPH_NODE,
    "PromptRequest": PROMPT_REQUEST,
    "PromptAnswer": record({"prompt_id": TEXT, "number": NUMBER, "node_errors": by_name(ref("NodeErrors"))}),
    "JobAnswer": record({"id": TEXT, "number": NUMBER}, {"node_errors": by_name(ref("NodeErrors"))}),
    "QueueItem": {
        "type": "array",
        "prefixItems": [NUMBER, TEXT, by_name(ref("GraphNode")), ANY_OBJECT, array(TEXT)],
        "minItems": 5,
    },
    "Queue": record({"queue_running": array(ref("QueueItem")), "queue_pending": array(ref("QueueItem"))}),
    "HistoryStatus": record(
        {
            "status_str": {"enum": ["success", "error"]},
            "completed": FLAG,
            "messages": array({"type": "array"}),
        }
    ),
    "HistoryEntry": record(
        {
            "prompt": ref("QueueItem"),
            "outputs": by_name(ANY_OBJECT),
            "status": ref("HistoryStatus"),
            "meta": by_name(ANY_OBJECT),
        }
    ),
    "Job": JOB,
    "JobPage": record({"jobs": array(ref("Job")), "pagination": PAGINATION}),
    "Workers": record({"paused": FLAG, "workers": array(WORKER)}),
    "NodeInfo": NODE_INFO,
    "SystemStats": record({"system": SYSTEM, "devices": array(DEVICE)}),
    "Features": record({"supports_preview_metadata": FLAG, "max_upload_size": WHOLE}),
    "StoredFile": record({"name": TEXT, "subfolder": TEXT, "type": {"enum": ["input", "output", "temp"]}}),
    "QueueLength": record({"exec_info": record({"queue_remaining": WHOLE})}),
    "Health": record({"status": {"enum": ["ready", "starting"]}, "workers": array(TEXT)}),
    "Change": record({}, {"clear": FLAG, "delete": array(TEXT)}),
}


@dataclass(frozen=True)
class Shape:
    """What a route takes and gives; `form` for a multipart body."""

    body: Schema | None = None
    answer: Schema | None = None
    query: Sequence[str] = ()
    form: Mapping[str, Schema] | None = None
    status: int = 200


NAMES = array(TEXT)
FILE: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}
LINK = record({"path": TEXT}, {"seconds": WHOLE})
VIEW = ("filename", "type", "subfolder", "preview", "channel")
LIST = ("status", "workflow_id", "sort_by", "sort_order", "limit", "offset")
DEEDS = ["ran", "cached", "not called", "failed", "stopped", "skipped"]
WHY = record({"did": {"enum": DEEDS}, "text": TEXT, "reason": array(TEXT)})
PAUSED = record({"paused": FLAG})

SHAPES: Mapping[str, Shape] = {
    "GET /prompt": Shape(answer=ref("QueueLength")),
    "POST /prompt": Shape(ref("PromptRequest"), ref("PromptAnswer")),
    "GET /queue": Shape(answer=ref("Queue")),
    "POST /queue": Shape(ref("Change")),
    "POST /interrupt": Shape(record({}, {"prompt_id": TEXT})),
    "POST /free": Shape(record({}, {"unload_models": FLAG, "free_memory": FLAG})),
    "GET /history": Shape(answer=by_name(ref("HistoryEntry")), query=("max_items", "offset")),
    "GET /history/{prompt_id}": Shape(answer=by_name(ref("HistoryEntry"))),
    "POST /history": Shape(ref("Change")),
    "GET /api/jobs": Shape(answer=ref("JobPage"), query=LIST),
    "POST /api/jobs": Shape(ref("PromptRequest"), ref("JobAnswer"), status=201),
    "GET /api/jobs/{job_id}": Shape(answer=ref("Job")),
    "POST /api/jobs/{job_id}/cancel": Shape(
        record({}, {"force": FLAG}), record({"id": TEXT, "cancelled": FLAG})
    ),
    "POST /api/jobs/{job_id}/retry": Shape(answer=ref("JobAnswer"), status=201),
    "POST /api/jobs/{job_id}/move": Shape(record({"before": MAYBE_TEXT}), record({"id": TEXT})),
    "GET /api/jobs/{job_id}/events": Shape(query=("last_event_id",)),
    "GET /api/jobs/{job_id}/why": Shape(answer=record({"id": TEXT, "nodes": by_name(WHY)})),
    "GET /api/workers": Shape(answer=ref("Workers")),
    "GET /api/packs": Shape(answer=record({"packs": array(ANY_OBJECT), "is_complete": FLAG})),
    "POST /api/queue/pause": Shape(answer=PAUSED),
    "POST /api/queue/resume": Shape(answer=PAUSED),
    "GET /object_info": Shape(answer=by_name(ref("NodeInfo"))),
    "GET /object_info/{class_id}": Shape(answer=by_name(ref("NodeInfo"))),
    "GET /system_stats": Shape(answer=ref("SystemStats")),
    "GET /features": Shape(answer=ref("Features")),
    "GET /health": Shape(answer=ref("Health")),
    "GET /embeddings": Shape(answer=NAMES),
    "GET /extensions": Shape(answer=NAMES),
    "GET /models": Shape(answer=NAMES),
    "GET /models/{folder}": Shape(answer=NAMES),
    "GET /view": Shape(query=VIEW),
    "GET /view_metadata/{folder}": Shape(answer=ANY_OBJECT, query=("filename",)),
    "GET /ws": Shape(query=("clientId",), status=101),
    "POST /sign": Shape(LINK, record({"url": TEXT, "seconds": WHOLE})),
    "POST /upload/image": Shape(
        answer=ref("StoredFile"), form={"image": FILE, "type": TEXT, "subfolder": TEXT, "overwrite": TEXT}
    ),
    "POST /upload/mask": Shape(
        answer=ref("StoredFile"),
        form={"image": FILE, "original_ref": TEXT, "type": TEXT, "subfolder": TEXT, "overwrite": TEXT},
    ),
    "GET /settings": Shape(answer=ANY_OBJECT),
    "POST /settings": Shape(ANY_OBJECT),
    "GET /users": Shape(answer=record({"storage": TEXT})),
    "POST /users": Shape(record({"username": TEXT}), TEXT),
    "GET /userdata": Shape(
        answer={"type": "array"}, query=("dir", "recurse", "full_info", "split", "optional")
    ),
    "GET /v2/userdata": Shape(answer=array(ANY_OBJECT), query=("path",)),
    "POST /userdata/{file}": Shape(FILE, query=("overwrite", "full_info")),
    "POST /userdata/{file}/move/{dest}": Shape(query=("overwrite", "full_info")),
    "DELETE /userdata/{file}": Shape(status=204),
    "GET /api/workflows": Shape(answer=record({"workflows": array(SAVED)})),
    "GET /api/workflows/{name}": Shape(answer=ANY_OBJECT),
    "PUT /api/workflows/{name}": Shape(ANY_OBJECT, record({"name": TEXT, "revision": TEXT})),
    "GET /api/workflows/{name}/versions": Shape(answer=record({"versions": array(SAVED_VERSION)})),
    "GET /api/workflows/{name}/versions/{version}": Shape(answer=ANY_OBJECT),
    "GET /api/assets": Shape(
        answer=record({"files": array(record({"name": TEXT, "size": WHOLE, "modified": WHOLE}))}),
        query=("type", "runs"),
    ),
    "GET /api/assets/small": Shape(query=("type", "name", "size")),
    "POST /api/assets/delete": Shape(record({"names": NAMES}), record({"kept": NAMES})),
    "GET /api/identify": Shape(answer=ANY_OBJECT, query=("folder", "name")),
    "GET /api/templates": Shape(answer=array(ANY_OBJECT)),
    "GET /api/models/downloads": Shape(answer=record({"downloads": array(ANY_OBJECT)})),
    "POST /api/models/downloads": Shape(
        record({"folder": TEXT, "name": TEXT, "url": TEXT, "host": TEXT}), ANY_OBJECT, status=202
    ),
    "DELETE /api/models/downloads/{id}": Shape(status=204),
    "GET /api/drafts": Shape(answer=record({"drafts": array(record({"id": TEXT, "modified": WHOLE}))})),
    "GET /api/drafts/{id}": Shape(answer=ANY_OBJECT),
    "PUT /api/drafts/{id}": Shape(record({"workflow": ANY_OBJECT}), status=204),
    "DELETE /api/drafts/{id}": Shape(status=204),
}
