"""Makes the checkers beside the tests importable, and says where the repository is."""

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "req(id, ...): the requirement rows that this test proves")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY
