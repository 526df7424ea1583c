"""Tokens: who may ask what, and how they are read. What a customer's token must not see, ``test_isolation`` tries."""

from __future__ import annotations

import json

import pytest

from hiercls.errors import ConfigError
from hiercls.serving import Reader, Tokens

OPEN = {"/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/explorer.js", "/explorer.css"}


def test_every_route_but_the_open_ones_asks_for_a_token(serve, tokens):
    client = serve(tokens=tokens)
    paths = {(method, path) for path, ways in client.get("/openapi.json").json()["paths"].items() for method in ways}
    assert len(paths) >= 8
    for method, path in paths:
        for headers in (
            {},
            {"Authorization": "Bearer wrong-token-0123456789"},
            {"Authorization": "Basic b25lOm9uZQ=="},
        ):
            response = client.request(
                method, path, headers=headers, json={"documents": ["a"]} if path == "/predict" else None
            )
            assert (response.status_code == 401) == (path not in OPEN), (path, response.text)
            if response.status_code == 401:
                assert response.headers["www-authenticate"] == "Bearer"


def test_a_customer_without_classes_yet_waits_for_them(serve, tokens, bearer):
    client = serve(tokens=tokens)
    for response in (client.get("/views", headers=bearer("later")), client.get("/taxonomy", headers=bearer("later"))):
        assert (response.status_code, response.json()["detail"]) == (
            403, "this token's customer has no classes in this model yet"
        )  # fmt: skip
    text = "{customer: later, classes: {All: rest}}"
    assert client.post("/customers", content=text, headers=bearer("admin")).status_code == 201
    assert client.get("/views", headers=bearer("later")).json()[0]["classes"] == ["All"]


def test_only_the_admin_adds(serve, tokens, bearer):
    client = serve(tokens=tokens)
    text = "{customer: one, classes: {All: rest}}"
    for name in ("one", "two", "later"):
        assert client.post("/customers?replace=true", content=text, headers=bearer(name)).status_code == 403
    assert client.get("/views", headers=bearer("one")).json()[0]["classes"] == ["ABC", "D", "EF"]


def test_the_admin_sees_everything(serve, tokens, bearer, tiny):
    views = serve(tokens=tokens).get("/views", headers=bearer("admin")).json()
    assert tuple(one["name"] for one in views) == tiny.views


def test_tokens_are_read_from_a_file(tmp_path):
    path = tmp_path / "tokens.yaml"
    path.write_text(json.dumps({"admin": "a" * 16, "customers": {"Cafe\u0301": "b" * 16}}))
    tokens = Tokens.from_yaml(path)
    assert tokens.reader("b" * 16) == Reader(customer="Caf\u00e9")
    assert tokens.reader("a" * 16) == Reader(changes=True)
    assert tokens.reader(None) is None
    assert "aaa" not in repr(tokens)


@pytest.mark.parametrize(
    "text",
    ["", "- a", "admin: short-secret", "customers: [one]", "admin: 1234567890123456", "{", "colour: blue-blue-blue",
     "{admin: same-secret-same-secret, customers: {one: same-secret-same-secret}}", "admin: 'with space secret'",
     "admin: " + "7" * 5_000, "admin: 2026-13-40", "a: &a [secret]\nadmin: *a", "[" * 1_000],
)  # fmt: skip
def test_a_wrong_token_file_is_told_and_never_quoted(tmp_path, text):
    path = tmp_path / "tokens.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        Tokens.from_yaml(path)
    assert "secret" not in str(raised.value)
    with pytest.raises(ConfigError, match="cannot read"):
        Tokens.from_yaml(tmp_path / "none.yaml")
