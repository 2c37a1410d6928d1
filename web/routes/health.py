"""`/health` and `/metrics`: for those who watch the server."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from web.keys import HUB, MEASURES, SERVICE
from web.measures import JOB_ENDS, metric
from web.wire_json import json_response

routes = web.RouteTableDef()

WORKING = frozenset({"ready", "busy"})
STATES = ("starting", "ready", "busy", "lost")


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """Whether a worker is up: 200 `ready`, else 503 `starting`. Needs no token."""
    states = [worker.state for worker in request.app[SERVICE].workers()]
    is_ready = any(state in WORKING for state in states)
    status, headers = (200, {}) if is_ready else (503, {"Retry-After": "2"})
    word = "ready" if is_ready else "starting"
    return json_response(
        {"status": word, "workers": states}, status, {"Cache-Control": "no-store", **headers}
    )


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """What Prometheus reads: the queue, jobs by their end, workers, sockets and the event loop."""
    service, measures = request.app[SERVICE], request.app[MEASURES]
    states = Counter(str(worker.state) for worker in service.workers())
    running = len(service.running())
    text = "".join(
        (
            metric("queue_length", "gauge", "Jobs that wait.", [({}, service.queue_remaining() - running)]),
            metric("jobs_running", "gauge", "Jobs that workers have.", [({}, running)]),
            metric(
                "jobs_total",
                "counter",
                "Jobs that ended since the start.",
                [({"state": state}, measures.jobs[state]) for state in JOB_ENDS],
            ),
            metric("job_seconds_total", "counter", "Time that jobs took.", [({}, measures.job_seconds)]),
            metric(
                "workers",
                "gauge",
                "Workers by state.",
                [({"state": state}, states[state]) for state in STATES],
            ),
            metric("sockets", "gauge", "Open websockets.", [({}, len(request.app[HUB]))]),
            metric(
                "http_answers_total",
                "counter",
                "Answers by the hundred of their status.",
                [({"status": status}, count) for status, count in sorted(measures.answers.items())],
            ),
            metric(
                "event_loop_lag_seconds",
                "gauge",
                "How late the event loop was last.",
                [({}, measures.lags[-1])],
            ),
            metric(
                "event_loop_lag_seconds_max",
                "gauge",
                "The most of the last minute.",
                [({}, max(measures.lags))],
            ),
        )
    )
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
