"""A sensor compiles its kernels before it starts; here that is done before any time is taken."""

import pytest

from sensor.ahead import compile_all, is_compiled


@pytest.fixture(scope="session", autouse=True)
def compiled():
    if not is_compiled():
        compile_all()
