"""Generates requests that are wrong in every way we can think of, and judges what the server says to them."""

import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from hypothesis import strategies as st
from yarl import URL

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([2**53 + 1, 2**64, -(2**63), 1e308, "\0", "../x", "__proto__", "\ud800", "x" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
LINKS = st.tuples(st.sampled_from(["1", "2", "9", 1, None]), st.integers(-2, 3) | JSON).map(list)
NODE = st.fixed_dictionaries(
    {
        "class_type": st.sampled_from(["ToyShow", "ToyCount", "ToyPicture", "ToyLoad", "ToySave"]) | JSON,
        "inputs": st.dictionaries(
            st.sampled_from(
                ["value", "width", "height", "colour", "image", "images", "filename_prefix", "x"]
            ),
            JSON | LINKS,
            max_size=4,
        )
        | JSON,
    }
)
GRAPHS = st.dictionaries(
    st.sampled_from(["1", "2", "", "-1", "../x", "__proto__", "1:2"]), NODE | JSON, max_size=4
)
EDITED = st.fixed_dictionaries(
    {"nodes": st.lists(NODE | JSON, max_size=3) | JSON, "links": st.lists(JSON, max_size=3) | JSON},
    optional={"definitions": JSON, "version": JSON, "last_node_id": JSON},
)
PROMPTS = st.fixed_dictionaries(
    {"prompt": GRAPHS | EDITED | JSON},
    optional={
        "number": JSON,
        "front": JSON,
        "extra_data": JSON | st.fixed_dictionaries({"webhook": JSON}),
        "client_id": JSON,
        "prompt_id": JSON,
        "partial_execution_targets": JSON,
    },
)
CHANGES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["clear", "delete", "unload_models", "prompt_id", "before", "path", "seconds"], JSON
    ),
)
NAMES = st.text(max_size=12) | st.sampled_from(
    [
        "../x",
        "..\\x",
        "a\0b",
        "/etc/passwd",
        "C:\\x",
        "x" * 300,
        "CON",
        "a [input]",
        "%2e%2e/x",
        ".",
        "\ud800",
    ]
)
TEXTS = st.text(
    st.characters(codec="latin-1", min_codepoint=32, exclude_characters="".join(map(chr, range(127, 160)))),
    max_size=12,
)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@st.composite
def broken(draw: st.DrawFn, body: bytes) -> bytes:
    """A body that was cut, or in which something was put."""
    place = draw(st.integers(0, len(body)))
    kind = draw(st.sampled_from(["whole", "cut", "put", "twice"]))
    if kind == "cut":
        return body[:place]
    if kind == "put":
        return body[:place] + draw(st.binary(max_size=6)) + body[place:]
    return body * 2 if kind == "twice" else body


@st.composite
def json_requests(draw: st.DrawFn) -> Request:
    path = draw(
        st.sampled_from(["/prompt", "/api/prompt", "/api/jobs", "/queue", "/history", "/free", "/interrupt"])
        | st.sampled_from(["/settings", "/settings/x", "/sign", "/api/jobs/x/move", "/api/jobs/x/cancel"])
    )
    value = draw(PROMPTS if path in {"/prompt", "/api/prompt", "/api/jobs"} else CHANGES | JSON)
    headers = {
        "Content-Type": draw(st.sampled_from(["application/json", "text/plain", "x", "a/b; charset=z"]))
    }
    if draw(st.integers(0, 9)) == 0:
        headers["Idempotency-Key"] = draw(TEXTS)
    return Request("POST", path, headers=headers, body=draw(broken(dumped(value))))


@st.composite
def uploads(draw: st.DrawFn) -> Request:
    parts = []
    for name in draw(
        st.lists(
            st.sampled_from(["image", "type", "subfolder", "overwrite", "original_ref", "x"]), max_size=4
        )
    ):
        file = draw(st.booleans())
        disposition = f'form-data; name="{name}"' + (f'; filename="{draw(NAMES)}"' if file else "")
        value = (
            draw(st.binary(max_size=30))
            if file
            else draw(NAMES | JSON.map(json.dumps)).encode("utf-8", "replace")
        )
        more = draw(st.sampled_from(["", "Content-Type: image/png\r\n", "X\r\n"]))
        head = f"Content-Disposition: {disposition}\r\n{more}"
        parts.append(b"--b\r\n" + head.encode("utf-8", "replace") + b"\r\n" + value + b"\r\n")
    body = draw(broken(b"".join(parts) + b"--b--\r\n"))
    kind = draw(
        st.sampled_from(
            ["multipart/form-data; boundary=b", "multipart/form-data", "multipart/mixed; boundary=b", "x/y"]
        )
    )
    path = draw(st.sampled_from(["/upload/image", "/upload/mask", "/api/upload/image"]))
    return Request("POST", path, headers={"Content-Type": kind}, body=body)


@st.composite
def questions(draw: st.DrawFn) -> Request:
    path = draw(
        st.sampled_from(
            ["/view", "/history", "/api/jobs", "/userdata", "/v2/userdata", "/view_metadata/loras"]
        )
        | st.sampled_from(
            ["/api/jobs/x", "/api/jobs/x/events", "/object_info/x", "/history/x", "/models/x", "/x"]
        )
    )
    keys = st.sampled_from(
        [
            "filename",
            "type",
            "subfolder",
            "preview",
            "channel",
            "max_items",
            "offset",
            "limit",
            "status",
            "sort_by",
            "sort_order",
            "dir",
            "path",
        ]
    )
    query = draw(st.dictionaries(keys, NAMES | st.integers().map(str), max_size=4))
    headers = draw(
        st.dictionaries(
            st.sampled_from(["Range", "If-Range", "If-None-Match", "If-Modified-Since"]), TEXTS, max_size=2
        )
    )
    return Request(
        "GET",
        path,
        query={k: v.encode("utf-8", "replace").decode() for k, v in query.items()},
        headers=headers,
    )


REQUESTS = json_requests() | uploads() | questions()


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    text: str


async def ask(http: aiohttp.ClientSession, request: Request) -> Answer:
    url = URL(request.path, encoded="%" in request.path).with_query(request.query)
    async with http.request(request.method, url, data=request.body, headers=request.headers) as response:
        body = await response.read()
        return Answer(response.status, response.content_type, body.decode("utf-8", "replace"))


def complaint(request: Request, answer: Answer) -> str | None:
    """What is wrong with an answer; None if the request was refused in words, or was not so bad."""
    if answer.status >= 500:
        return f"status {answer.status}"
    if "Traceback" in answer.text:
        return "a traceback"
    if answer.status < 400 or "userdata" in request.path:
        return None
    try:
        error = json.loads(answer.text)["error"]
    except (ValueError, LookupError, TypeError):
        return "no structured error"
    if isinstance(error, str):
        return None if error else "no words"
    is_whole = set(error) == {"type", "message", "details", "extra_info"} and error["message"]
    return None if is_whole else "half an error"
