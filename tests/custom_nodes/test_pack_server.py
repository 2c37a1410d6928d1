"""Routes of packs are served to who shows the secret, whatever else the packs do."""

import asyncio
import time

import aiohttp
import pytest
from aiohttp import web

from custom_nodes.host.pack_server import CLIENT_HEADER, SECRET_HEADER, PackServer


@pytest.fixture
def server():
    made = PackServer(patience_seconds=0.2)
    yield made
    made.close()


def table(*paths):
    routes = web.RouteTableDef()
    for number, path in enumerate(paths):

        async def answer(request, number=number):
            return web.json_response([number, request.remote, dict(request.headers)])

        routes.get(path)(answer)
    return routes


async def read(served, path, **headers):
    async with aiohttp.request("GET", served.address + path, headers=headers) as response:
        return response.status, await response.json()


async def test_only_who_shows_the_secret_is_answered(server):
    served = server.serve(web.Application(), table("/a/{name}", "/b"))
    assert served.paths == ("/a/*", "/api/a/*", "/api/b", "/b")
    assert served.address.startswith("http://127.0.0.1:")
    for shown in ({}, {SECRET_HEADER: "wrong"}, {SECRET_HEADER: ""}):
        status, told = await read(served, "/b", **shown)
        assert (status, told["error"]["type"]) == (403, "forbidden")
    status, (number, client, headers) = await read(
        served, "/b", **{SECRET_HEADER: served.secret, CLIENT_HEADER: "10.1.2.3"}
    )
    assert (status, number, client) == (200, 1, "10.1.2.3")
    assert not {SECRET_HEADER, CLIENT_HEADER} & set(headers)
    status, told = await read(served, "/c", **{SECRET_HEADER: served.secret})
    assert (status, told["error"]["type"]) == (404, "not_found")


async def test_of_two_routes_for_one_address_the_first_answers(server):
    served = server.serve(web.Application(), table("/same", "/same", "/other"))
    assert (await read(served, "/same", **{SECRET_HEADER: served.secret}))[1][0] == 0
    assert (await read(served, "/api/other", **{SECRET_HEADER: served.secret}))[1][0] == 2


async def test_work_at_the_start_that_fails_keeps_no_route_from_being_served(server, caplog):
    app = web.Application()

    async def fail(app):
        raise RuntimeError("not today")

    app.on_startup.append(fail)
    served = server.serve(app, table("/a"))
    assert (await read(served, "/a", **{SECRET_HEADER: served.secret}))[0] == 200
    assert "not today" in caplog.text


def test_without_routes_nothing_listens(server):
    served = server.serve(web.Application(), web.RouteTableDef())
    assert (served.address, served.secret, served.paths) == ("", "", ())


async def test_a_route_that_never_ends_keeps_no_other_from_being_served(server):
    routes, entered = web.RouteTableDef(), asyncio.Event()
    loop = asyncio.get_running_loop()

    @routes.get("/stuck")
    async def stuck(request):
        loop.call_soon_threadsafe(entered.set)
        time.sleep(2)
        return web.json_response(None)

    served = server.serve(web.Application(), routes)
    waiting = asyncio.create_task(read(served, "/stuck", **{SECRET_HEADER: served.secret}))
    await entered.wait()
    again = await asyncio.to_thread(server.serve, web.Application(), table("/a"))
    assert (await read(again, "/a", **{SECRET_HEADER: again.secret}))[0] == 200
    await asyncio.gather(waiting, return_exceptions=True)
