"""`/api/plan`: a graph in, what sits where out; what cannot be planned is refused with a sentence."""

from typing import Any

import aiohttp
import pytest

from tests.web.client import picture_prompt


async def test_a_graph_is_planned_by_a_worker(http: aiohttp.ClientSession, connect: Any) -> None:
    client = await connect("planner")
    await client.until_done(await client.submit(picture_prompt(width=60)))
    async with http.post("/api/plan", json={"prompt": picture_prompt(width=64)}) as response:
        assert response.status == 200
        plan = await response.json()
    assert plan["fits"] is True
    assert plan["device"] == "cpu"
    assert all("it is not known" in row["lack"] for row in plan["rows"])


@pytest.mark.parametrize("body", [{}, {"prompt": {}}, {"prompt": []}, {"prompt": "x"}])
async def test_what_is_no_graph_is_refused(http: aiohttp.ClientSession, body: dict[str, Any]) -> None:
    async with http.post("/api/plan", json=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "no_prompt"


async def test_a_graph_with_a_problem_is_refused_with_it(http: aiohttp.ClientSession) -> None:
    async with http.post(
        "/api/plan", json={"prompt": {"1": {"class_type": "Nothing", "inputs": {}}}}
    ) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["type"] == "cannot_plan"
