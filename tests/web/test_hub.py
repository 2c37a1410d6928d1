"""The order of messages in a socket, and what happens to clients that do not keep up."""

import asyncio
from typing import Any

from web.hub import MAX_BACKLOG_BYTES, PREVIEW_BACKLOG, Connection, Hub, Message


class SlowSocket:
    """A socket whose reader can be held up."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.may_send = asyncio.Event()
        self.aborted = False

    async def send_str(self, text: str) -> None:
        await self.may_send.wait()
        self.sent.append(text)

    async def send_bytes(self, data: bytes) -> None:
        await self.may_send.wait()
        self.sent.append(data)

    def abort(self) -> None:
        self.aborted = True


def connected(hub: Hub, sid: str = "a") -> tuple[Connection, SlowSocket]:
    socket = SlowSocket()
    connection = Connection(sid, socket, socket.abort)
    hub.add(connection)
    return connection, socket


def preview(data: bytes) -> Message:
    return Message("preview", legacy_frame=b"1" + data, metadata_frame=b"4" + data)


async def settle(connection: Connection, socket: SlowSocket) -> None:
    writer = asyncio.create_task(connection.write())
    socket.may_send.set()
    await asyncio.sleep(0.01)
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)


async def test_messages_keep_their_order() -> None:
    hub = Hub()
    connection, socket = connected(hub)
    for number in range(100):
        hub.send(Message("m", {"n": number}), "a" if number % 2 else None)
    await settle(connection, socket)
    assert socket.sent == [Message("m", {"n": number}).text() for number in range(100)]


async def test_previews_wait_in_no_line() -> None:
    hub = Hub()
    connection, socket = connected(hub)
    for number in range(10):
        hub.send(preview(bytes([number])), "a")
        hub.send(Message("m", {}), "a")
    await settle(connection, socket)
    assert len([item for item in socket.sent if isinstance(item, bytes)]) == PREVIEW_BACKLOG
    assert len([item for item in socket.sent if isinstance(item, str)]) == 10
    hub.send(preview(b"x"), "a")
    await settle(connection, socket)
    assert socket.sent[-1] == b"1x"


async def test_a_client_that_never_reads_is_dropped_with_bounded_memory() -> None:
    hub = Hub()
    connection, socket = connected(hub)
    _, other = connected(hub, "b")
    message = Message("m", {"text": "x" * 2**20})
    for _ in range(2 * MAX_BACKLOG_BYTES // 2**20):
        hub.send(message, "a")
    assert connection.dropped
    assert socket.aborted
    assert not other.aborted
    hub.send(message, "a")
    await asyncio.wait_for(connection.write(), 1)
    assert socket.sent == []


async def test_the_older_socket_of_an_id_does_not_take_the_newer_one_along() -> None:
    hub = Hub()
    old, _ = connected(hub)
    new, socket = connected(hub)
    hub.remove(old)
    hub.send(Message("m", {}), "a")
    await settle(new, socket)
    assert len(socket.sent) == 1
    hub.remove(new)
    assert len(hub) == 0


async def test_what_json_does_not_know_reaches_the_client_as_something_it_can_read() -> None:
    hub = Hub()
    connection, socket = connected(hub)
    odd: Any = {"nan": float("nan"), "set": {1}, "object": Hub, 3: (float("inf"), None)}
    hub.send(Message("executed", odd), "a")
    await settle(connection, socket)
    [text] = socket.sent
    assert text.startswith('{"type":"executed","data":{"nan":null,"set":[1],"object":"<class')
    assert text.endswith('"3":[null,null]}}')


async def test_flagged_messages_reach_only_who_asked() -> None:
    hub = Hub()
    asked, heard = connected(hub, "a")
    other, silent = connected(hub, "b")
    asked.flags = {"f": True}
    other.flags = {"f": "true"}
    hub.send(Message("m", {}), flag="f")
    await settle(asked, heard)
    await settle(other, silent)
    assert len(heard.sent) == 1
    assert silent.sent == []
