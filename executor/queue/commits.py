"""How do many writers share one fsync? One thread writes, and what arrives meanwhile shares a transaction."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Any]

# So many writes share a transaction at most, so that the first of them does not wait long.
LARGEST_GROUP = 512


class GroupCommit:
    """The only writer of a database: a write is answered after the transaction that holds it is on disk."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._arrivals: SimpleQueue[tuple[Work, Future[Any]] | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="queue-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[sqlite3.Connection], Result]) -> Future[Result]:
        """Do `work` in a transaction; the future is done once it is committed, or holds what it raised."""
        if self._closed:
            raise RuntimeError("the database is closed")
        future: Future[Result] = Future()
        self._arrivals.put((work, future))
        return future

    def close(self) -> None:
        """Commit what has arrived and end the thread; the connection stays open."""
        if not self._closed:
            self._closed = True
            self._arrivals.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._arrivals.get()) is not None:
            group, last = self._gather(first)
            self._commit([item for item in group if item[1].set_running_or_notify_cancel()])
            if last:
                return

    def _gather(self, first: tuple[Work, Future[Any]]) -> tuple[list[tuple[Work, Future[Any]]], bool]:
        group = [first]
        while len(group) < LARGEST_GROUP:
            try:
                item = self._arrivals.get_nowait()
            except Empty:
                break
            if item is None:
                return group, True
            group.append(item)
        return group, False

    def _commit(self, group: list[tuple[Work, Future[Any]]]) -> None:
        results: list[tuple[Future[Any], Any]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for work, future in group:
                result, problem = self._attempt(work)
                if problem is None:
                    results.append((future, result))
                else:
                    future.set_exception(problem)
            self._connection.execute("COMMIT")
        except sqlite3.Error as problem:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for _, future in group:
                if not future.done():
                    future.set_exception(problem)
            return
        except BaseException as problem:
            for _, future in group:
                if not future.done():
                    future.set_exception(problem)
            raise
        for future, result in results:
            future.set_result(result)

    def _attempt(self, work: Work) -> tuple[Any, Exception | None]:
        """One write of a group: what it refuses is undone alone, the others stay."""
        self._connection.execute("SAVEPOINT one")
        try:
            result = work(self._connection)
        except (sqlite3.IntegrityError, ValueError) as problem:
            self._connection.execute("ROLLBACK TO one")
            return None, problem
        finally:
            if self._connection.in_transaction:
                self._connection.execute("RELEASE one")
        return result, None
