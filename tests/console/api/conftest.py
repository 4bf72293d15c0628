"""The application on an empty store, and people who are logged in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_people import HASH, PASSWORD
from fastapi import FastAPI
from fastapi.testclient import TestClient

from console.app import create_app
from console.settings import Settings
from console.store import open_store
from console.store.interface import Store

Person = Callable[[str], TestClient]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "console.db")
    for role in ("viewer", "analyst", "admin"):
        store.add_user(role, role, HASH, "setup")  # type: ignore[arg-type]
    return store


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def application(store: Store, settings: Settings) -> FastAPI:
    return create_app(store, settings)


@pytest.fixture
def anyone(application: FastAPI) -> Iterator[TestClient]:
    with TestClient(application, client=("192.0.2.9", 5000), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def person(application: FastAPI, anyone: TestClient) -> Person:
    """A browser of its own for each role, logged in, sending the CSRF token."""

    def log_in(role: str) -> TestClient:
        client = TestClient(application, client=("192.0.2.10", 5000), raise_server_exceptions=False)
        answer = client.post("/api/v1/session", json={"name": role, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf"]
        return client

    return log_in
