"""The real server runs packs as the ecosystem's tests expect, whatever it keeps of results."""

import asyncio
import itertools
import signal

import aiohttp
import pytest

from tests.custom_nodes.server_kit import open_client, patience, ready, running

MODES = {
    "classic": ["--cache-classic"],
    "lru": ["--cache-lru", "100"],
    "ram": ["--cache-ram"],
    "none": ["--cache-none"],
    "disk": ["--cache-dir", "DIR"],
}
salt = itertools.count(1000).__next__


@pytest.fixture(scope="module", params=MODES)
def server(request, tmp_path_factory):
    base = tmp_path_factory.mktemp(request.param)
    arguments = [str(base / "results") if text == "DIR" else text for text in MODES[request.param]]
    with running(base, ["v1_features", "ecosystem"], *arguments) as made:
        made.mode = request.param
        yield made


@pytest.fixture
def keeps(server):
    """Whether results are kept for the next run."""
    return server.mode != "none"


@pytest.fixture
async def page(server):
    async with aiohttp.ClientSession(server.url) as session:
        await ready(session)
        client = await open_client(session, "page")
        yield client
        await client.socket.close()


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def shown(graph, source, name="show"):
    """The graph with a node that shows an output."""
    return {**graph, name: node("V1Shows", value=source)}


KINDS = {
    "execution_start",
    "execution_cached",
    "executing",
    "executed",
    "execution_success",
    "execution_error",
}


async def test_messages_come_in_the_order_that_clients_count_on(page, keeps):
    graph = shown({"1": node("V1Number", value=salt())}, ["1", 0])
    first, again = await page.run(graph), await page.run(graph)

    def told(run):
        return [message["type"] for message in run.messages if message["type"] in KINDS]

    begin, end = ["execution_start", "execution_cached"], ["execution_success", "executing"]
    ran = [*begin, "executing", "executing", "executed", *end]
    assert told(first) == ran
    assert told(again) == ([*begin, "executed", *end] if keeps else ran)
    assert first.text("show") == again.text("show")
    assert (first.ran, first.cached) == ({"1", "show"}, set())
    assert (again.ran, again.cached) == ((set(), {"1", "show"}) if keeps else ({"1", "show"}, set()))
    assert [name for name, _ in again.entry["status"]["messages"]] == [*begin, "execution_success"]


async def test_only_what_changed_runs_again(page, keeps):
    def graph(value):
        same = {"1": node("V1Number", value=number), "2": node("V1Number", value=value)}
        return shown({**same, "3": node("V1Sum", numbers=["1", 0], plus=["2", 0])}, ["3", 0])

    number, value = salt(), salt()
    await page.run(graph(value))
    changed = await page.run(graph(value + 1))
    assert changed.text("show") == [str(number + value + 1)]
    assert changed.ran == ({"2", "3", "show"} if keeps else {"1", "2", "3", "show"})


async def test_inputs_of_every_section_and_outputs_with_names(page):
    async with page.http.get("/object_info/V1Everything") as response:
        assert (await response.json())["V1Everything"]["output_name"] == ["text", "colour", "count"]
    graph = {"1": node("V1Everything", count=3, colour="green", word="w", free=7)}
    run = await page.run(
        shown(shown(graph, ["1", 0]), ["1", 2], "counts"), extra_data={"extra_pnginfo": {"a": 1}}
    )
    assert run.text("show") == ["3 green w True 1 7 ['1', 'counts', 'show'] {'a': 1}"]
    assert run.text("counts") == ["0", "1", "2"]


async def test_lists_are_mapped_or_taken_whole(page):
    plus = salt()
    graph = {
        "1": node("V1Numbers", count=3),
        "2": node("V1Number", value=["1", 0]),
        "3": node("V1Sum", numbers=["2", 0], plus=plus),
    }
    run = await page.run(shown(shown(graph, ["3", 0]), ["2", 0], "mapped"))
    assert (run.text("show"), run.text("mapped")) == ([str(3 + plus)], ["0", "1", "2"])


@pytest.mark.parametrize("always", [True, False])
async def test_a_class_says_itself_whether_it_changed(page, keeps, always):
    graph = shown({"1": node("V1Changing", always=always)}, ["1", 0])
    await page.run(graph)
    assert ("1" in (await page.run(graph)).ran) is (always or not keeps)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"1": node("V1Checked", value=200, other=1, pick="red")}, "value is far too large"),
        ({"1": node("V1Checked", value=7, other=6, pick="red")}, "value_bigger_than_max"),
        ({"1": node("V1CheckedTypes", thing=["n", 0]), "n": node("V1Number", value=1)}, "no INT"),
        ({"1": node("V1CheckedAll", value=8.0)}, "custom_validation_failed"),
        ({"1": node("V1Sum", numbers=["n", 0], plus=1), "n": node("V1Looks")}, "return_type_mismatch"),
        ({"1": node("V1Number")}, "required_input_missing"),
    ],
)
async def test_what_a_class_refuses_is_refused_before_it_runs(page, graph, said):
    status, answer = await page.submit(shown(graph, ["1", 0]))
    assert status == 400
    assert said in str(answer["node_errors"]["1"]), answer


async def test_own_checks_replace_the_usual_ones(page):
    graph = {
        "1": node("V1Checked", value=7, other=5, pick="red"),
        "2": node("V1CheckedAll", value=6.0),
        "3": node("V1CheckedTypes", thing=["4", 0]),
        "4": node("V1Looks"),
    }
    run = await page.run(shown(shown(shown(graph, ["1", 0]), ["2", 0], "all"), ["3", 0], "types"))
    assert (run.text("show"), run.text("all")) == (["12"], ["6.0"])
    assert run.text("types")[0].startswith("V1Looks")


@pytest.mark.parametrize("kind", ["V1Pick", "V1AsyncPick"])
async def test_lazy_inputs_run_only_if_they_are_wanted(page, kind):
    value = salt()
    graph = {"1": node("V1Number", value=value), "2": node("V1Number", value=-value)}
    run = await page.run(shown({**graph, "3": node(kind, first=False, a=["1", 0], b=["2", 0])}, ["3", 0]))
    assert run.text("show") == [str(-value)]
    assert run.ran == {"2", "3", "show"}


@pytest.mark.parametrize("reason", ["", "for a reason"])
async def test_a_blocked_branch_does_not_run_and_the_rest_does(page, reason):
    value = salt()
    graph = {
        "1": node("V1Block", value=value, blocked=True, reason=reason),
        "2": node("V1Number", value=["1", 0]),
        "free": node("V1Shows", value=str(value)),
    }
    run = await page.run(shown(graph, ["2", 0]))
    assert (run.status, set(run.entry["outputs"])) == ("success", {"free"})
    assert [data["node"] for data in run.of("executed") if data["output"]] == ["free"]
    told = [(data["node_id"], data["exception_message"]) for data in run.of("execution_error")]
    assert told == ([("2", f"Execution Blocked: {reason}")] if reason else [])


async def test_items_of_a_list_are_blocked_one_by_one(page):
    graph = {"1": node("V1BlockSome", count=5, reason=""), "2": node("V1Number", value=["1", 0])}
    assert (await page.run(shown(graph, ["2", 0]))).text("show") == ["0", "2", "4"]


async def test_nested_expansion_runs_inside_the_node_that_asked_for_it(page, keeps):
    value = salt()
    graph = shown({"1": node("V1Expand", value=value, times=3)}, ["1", 0])
    run = await page.run(graph)
    assert run.text("show") == [str(value + 3)]
    inner = [data for data in run.of("executing") if data["node"] not in (None, "1", "show")]
    assert len(inner) == 6
    assert {data["display_node"] for data in inner} == {"1"}
    states = [state for data in run.of("progress_state") for state in data["nodes"].values()]
    assert {state["real_node_id"] for state in states} == {"1", "show"}
    assert ("1" in (await page.run(graph)).ran) is not keeps


async def test_a_loop_by_expansion_ends_when_it_is_done(page, keeps):
    graph = shown(
        {"1": node("V1Number", value=3), "2": node("EcoWhile", value=["1", 0], limit=salt())}, ["2", 0]
    )
    run = await page.run(shown(graph, ["2", 1], "where"))
    assert run.text("show") == [str(3 * 2**9)]
    assert run.text("where")[0].startswith("2.")
    longer = shown({**graph, "2": node("EcoWhile", value=["1", 0], limit=3 * 2**11)}, ["2", 0])
    assert (await page.run(longer)).text("show") == [str(3 * 2**11)]
    assert ("2" in (await page.run(longer)).ran) is not keeps


async def test_an_output_node_may_be_a_graph(page):
    run = await page.run({"1": node("EcoExpanding", text=f"text {salt()}")})
    texts = [data["output"]["text"][0] for data in run.of("executed")]
    assert run.status == "success"
    assert any(text.startswith("outer") for text in texts)
    assert any(text.startswith("text") for text in texts)


async def test_coroutines_run_together(page):
    number = salt()
    graph = {str(n): node("EcoMeet", salt=number, number=n, of=4) for n in range(4)}
    for n in range(4):
        graph = shown(graph, [str(n), 0], f"show{n}")
    run = await page.run(graph)
    assert [run.text(f"show{n}") for n in range(4)] == [[str(n)] for n in range(4)]


async def test_a_coroutine_that_fails_is_told_and_the_next_job_runs(page):
    value = salt()
    run = await page.run(shown({"1": node("EcoFails", value=value), "2": node("V1Slow", value=1)}, ["1", 0]))
    (error,) = run.of("execution_error")
    assert (error["node_id"], error["node_type"], error["exception_type"]) == ("1", "EcoFails", "ValueError")
    assert error["exception_message"].strip() == f"{value} is not to my taste"
    assert error["current_inputs"] == {"value": [value]}
    assert any("in work" in line for line in error["traceback"])
    assert (run.status, run.of("execution_success")) == ("error", [])
    assert (await page.run(shown({"1": node("V1Slow", value=value)}, ["1", 0]))).text("show") == [
        str(2 * value)
    ]


async def test_wildcards_comma_lists_and_lying_types_link_to_what_they_should(page):
    value = salt()
    graph = {
        "1": node("V1Number", value=value),
        "2": node("EcoJoins", number=["1", 0], thing=["1", 0]),
        "3": node("V1TakesAnything", thing=["2", 0], more=["1", 0]),
        "4": node("V1Number", value=["3", 0]),
        "5": node("V1TakesMore", anything=["1", 0], b=2),
    }
    run = await page.run(shown(shown(graph, ["4", 0]), ["5", 0], "more"))
    assert run.text("show") == [str({"thing": f"{value} {value}", "more": value})]
    assert run.text("more") == [f"anything={value} b=2"]


async def test_an_instance_keeps_its_state_and_is_no_other(page, keeps):
    def graph(number):
        two = {name: node("V1Remembers", salt=number) for name in ("a", "b")}
        return shown(shown(two, ["a", 0], "first"), ["b", 0], "second")

    runs = [await page.run(graph(salt())) for _ in range(2)]
    later = "2" if keeps else "1"
    assert [(run.text("first"), run.text("second")) for run in runs] == [(["1"], ["1"]), ([later], [later])]
    await page.run({"x": node("V1Shows", value="without them")})
    assert (await page.run(graph(salt()))).text("first") == ["1"]


async def test_parts_of_a_graph_and_graphs_with_a_fault_elsewhere(page):
    graph = shown(shown({"1": node("V1Number", value=salt())}, ["1", 0], "a"), ["1", 0], "b")
    run = await page.run(graph, partial_execution_targets=["b"])
    assert (run.ran, set(run.entry["outputs"])) == ({"1", "b"}, {"b"})
    broken = shown({**graph, "bad": node("V1Number", value="no number")}, ["bad", 0], "c")
    status, answer = await page.submit(broken)
    assert (status, list(answer["node_errors"])) == (200, ["bad"])
    async with page.http.post(
        "/prompt", json={"prompt": shown({"1": node("NoSuchNode")}, ["1", 0])}
    ) as response:
        assert (response.status, "NoSuchNode" in await response.text()) == (400, True)


@pytest.mark.parametrize("server", ["disk"], indirect=True)
async def test_after_a_restart_a_graph_goes_on_from_what_is_on_disk(server):
    graph = shown({"1": node("V1Number", value=salt()), "2": node("EcoLong", value=["1", 0])}, ["2", 0])
    texts = []
    for is_again in (False, True):
        async with aiohttp.ClientSession(server.url) as session:
            await ready(session)
            page = await open_client(session, "page")
            run = await page.run(graph)
            texts.append(run.text("show"))
            assert ("2" in run.cached, "2" in run.ran) == (is_again, not is_again)
            await page.socket.close()
        with patience() as waits:
            while waits() and not list((server.base / "results").glob("*.result")):
                await asyncio.sleep(0.01)
        if not is_again:
            server.stop(signal.SIGKILL)
            server.start()
    assert texts[0] == texts[1]
