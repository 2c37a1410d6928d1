"""Whose files are these: users and their folders below the user directory."""

from __future__ import annotations

import io
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web.confined import open_file, write_file

DEFAULT_USER = "default"
SYSTEM_PREFIX = "__"
USERS_FILE = "users.json"
SETTINGS_FILE = "comfy.settings.json"
_UNSAFE = re.compile(r"[^a-zA-Z0-9-_]+")


class UnknownUserError(LookupError):
    """There is no user of that id."""


class RefusedNameError(ValueError):
    """A user cannot be called that."""


def read_object(root: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file, or an empty one if it is missing or damaged."""
    try:
        with open_file(root, (name,)).file as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_object(root: Path, name: str, value: dict[str, Any]) -> None:
    """Write a JSON object, whole or not at all."""
    text = json.dumps(value, indent=4, allow_nan=False)
    write_file(root, (name,), io.BytesIO(text.encode()), overwrite=True)


@dataclass(frozen=True)
class Users:
    """The users of this server: one without a name, or with `multi_user` those who were added."""

    directory: Path
    multi_user: bool = False

    def all(self) -> dict[str, str]:
        """Names by id."""
        return {key: str(name) for key, name in read_object(self.directory, USERS_FILE).items()}

    def root(self, user_id: str | None) -> Path:
        """The folder of a user; raises UnknownUserError for an id that was never given out."""
        if not self.multi_user or user_id is None or user_id == DEFAULT_USER:
            return self.directory / DEFAULT_USER
        if user_id.startswith(SYSTEM_PREFIX) or user_id not in self.all() or _UNSAFE.search(user_id):
            raise UnknownUserError(user_id)
        return self.directory / user_id

    def add(self, name: str) -> str:
        """The id of a new user; raises RefusedNameError with the sentence that clients know."""
        name = name.strip()
        if not name:
            raise RefusedNameError("username not provided")
        if name.startswith(SYSTEM_PREFIX):
            raise RefusedNameError("System User prefix not allowed")
        users = self.all()
        if name in users.values():
            raise RefusedNameError("Duplicate username.")
        user_id = f"{_UNSAFE.sub('-', name)[:100]}_{uuid.uuid4()}"
        users[user_id] = name
        write_object(self.directory, USERS_FILE, users)
        return user_id
