"""How does a line of the log look?"""

import logging


class LineFormatter(logging.Formatter):
    """Time, level, logger and message; before the message the job and node it belongs to, if it does."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(place)s%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        job_id, node_id = getattr(record, "job_id", ""), getattr(record, "node_id", "")
        record.place = f"[{job_id} {node_id}] " if job_id else ""
        return super().format(record)
