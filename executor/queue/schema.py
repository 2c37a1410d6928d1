"""Which tables does the queue's database have, and how does an older one become the present one?"""

import sqlite3
from pathlib import Path

# Entry N turns a database of version N into one of version N + 1. Never edit an old entry.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE jobs (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id TEXT NOT NULL UNIQUE,
            number NUMERIC NOT NULL,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            created REAL NOT NULL,
            started REAL,
            graph TEXT NOT NULL,
            extra_data TEXT NOT NULL,
            targets TEXT NOT NULL
        )""",
        "CREATE INDEX jobs_open ON jobs (state) WHERE state IN ('queued', 'running')",
        """CREATE TABLE history (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id TEXT NOT NULL UNIQUE REFERENCES jobs (job_id) ON DELETE CASCADE,
            outcome TEXT NOT NULL
        )""",
    ),
    (
        "ALTER TABLE jobs ADD COLUMN losses INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN finished REAL",
        "ALTER TABLE jobs ADD COLUMN client_id TEXT",
        "ALTER TABLE jobs ADD COLUMN workflow_id TEXT",
        "ALTER TABLE jobs ADD COLUMN idempotency_key TEXT",
        """UPDATE jobs SET
            losses = attempts,
            client_id = json_extract(extra_data, '$.client_id'),
            workflow_id = json_extract(extra_data, '$.extra_pnginfo.workflow.id'),
            finished = (SELECT json_extract(outcome, '$.finished') FROM history WHERE job_id = jobs.job_id)
        """,
        "DROP INDEX jobs_open",
        "CREATE INDEX jobs_open ON jobs (state) WHERE state IN ('queued', 'lost', 'running')",
        "CREATE INDEX jobs_finished ON jobs (finished) WHERE finished IS NOT NULL",
        "CREATE UNIQUE INDEX jobs_key ON jobs (idempotency_key) WHERE idempotency_key IS NOT NULL",
        """CREATE TABLE events (
            job_id TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
            event_id INTEGER NOT NULL,
            time REAL NOT NULL,
            kind TEXT NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (job_id, event_id)
        ) WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE jobs ADD COLUMN is_untold INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX jobs_untold ON jobs (sequence) WHERE is_untold AND finished IS NOT NULL",
    ),
)


class QueueDatabaseError(Exception):
    """The queue's database cannot be used; the text says which file and why."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a database of the present version that commits durably (WAL, synchronous=FULL)."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        _migrate(connection, path)
    except sqlite3.DatabaseError as problem:
        connection.close()
        raise QueueDatabaseError(f"{path} cannot be used as the queue's database: {problem}") from problem
    except QueueDatabaseError:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database to the present version, one committed step at a time."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise QueueDatabaseError(
            f"{path} was written by a newer Sfumato: version {version}, the newest known is {len(MIGRATIONS)}"
        )
    for number in range(version, len(MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[number]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute("COMMIT")
