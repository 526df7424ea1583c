"""Whatever the schema allows, and much that it does not: schemathesis thinks up requests, and finds nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hiercls.serving import CustomerStore, Tokens

ADMIN, ONE = "token-of-admin-0123456789", "token-of-one-0123456789"


@pytest.fixture
def address(live, tmp_path) -> str:
    return live(
        store=CustomerStore(path=tmp_path / "customers.json"), tokens=Tokens(admin=ADMIN, customers={"one": ONE})
    )


@pytest.mark.parametrize("token", [ADMIN, ONE], ids=["admin", "one"])
def test_schemathesis_finds_nothing(address, token, tmp_path):
    """All its checks but one: which names there are, and so which requests can be answered, no schema says."""
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{address}/openapi.json"),
        *("--header", f"Authorization: Bearer {token}", "--exclude-checks", "positive_data_acceptance"),
        *("--max-examples", "10", "--seed", "0", "--generation-database", "none", "--warnings", "off"),
        *("--continue-on-failure", "--no-color"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert result.returncode == 0, result.stdout
    assert "Tested: 8" in result.stdout
