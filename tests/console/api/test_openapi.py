"""Requests made up from our own description: nothing breaks, and answers are what it says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from plant_documents import alert, asset, behaviour
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.store.interface import Store

SKIPPED = (
    "/api/v1/session",
    "/api/v1/ingest",
    "/api/v1/sensor/",
    "/api/v1/stream",
    "/api/v1/users",
    "/api/v1/tokens",
)
"""Logging out, uploads, a stream without end and passwords (slow by design) have tests of their own."""


@pytest.fixture
def schema(application: FastAPI, store: Store, person: Any) -> Any:
    store.ingest("s1", 1, [asset(), alert("e1"), alert("e2"), behaviour()])
    client: TestClient = person("admin")
    session = {
        "cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items()),
        "x-csrf-token": client.headers["x-csrf-token"],
    }
    loaded = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application)
    return loaded, session


def test_made_up_requests_are_answered_as_described(schema: Any) -> None:
    loaded, session = schema
    tried = 0
    for result in loaded.get_all_operations():
        operation = result.ok()
        if operation.path.startswith(SKIPPED):
            continue
        tried += 1

        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate(
                headers=session,
                checks=(
                    not_a_server_error,
                    status_code_conformance,
                    content_type_conformance,
                    response_schema_conformance,
                ),
            )

        check()
    assert tried > 25
