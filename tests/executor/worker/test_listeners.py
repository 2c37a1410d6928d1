import asyncio

from executor.worker.listeners import Listeners
from executor.worker.notices import QueueChanged, ServiceEvent


async def test_all_are_told_in_order_and_one_that_raises_harms_nobody():
    reported = []
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: reported.append(context["exception"])
    )
    listeners, heard = Listeners(), []

    def fails(told):
        raise ValueError(told.event.remaining)

    def asks_for_more(told):
        if told.event.remaining == 0:
            listeners.tell(ServiceEvent(QueueChanged(9)))

    listeners.add(lambda told: heard.append(("first", told.event.remaining)))
    listeners.add(fails)
    forget = listeners.add(asks_for_more)
    listeners.add(lambda told: heard.append(("last", told.event.remaining)))
    for remaining in range(2):
        listeners.tell(ServiceEvent(QueueChanged(remaining)))
    assert heard == []
    forget()
    for _ in range(9):
        await asyncio.sleep(0)
    assert heard == [(name, number) for number in (0, 1, 9) for name in ("first", "last")]
    assert [str(error) for error in reported] == ["0", "1", "9"]
