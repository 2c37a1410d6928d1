"""Reads whole histories, for the tests of the queue and of workers."""

import json


async def entries(source, *window):
    """The entries of a store's or a service's history, in its order."""
    return [await source.history_entry(job_id) for job_id in json.loads(await source.history_text(*window))]
