"""Tokens: who sees what. A customer's token tries every route to read what is not its own."""

from __future__ import annotations

import json

import pytest

from hiercls.errors import ConfigError
from hiercls.serving import Reader, Tokens

OPEN = {"/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/explorer.js", "/explorer.css"}
WORLD = """
hiercls: 1
name: secretworld
levels: [secretarea, secrettopic]
topics: {secretX: [secretA, secretB], secretY: [secretC, secretD]}
about: {secretA: a secret sentence}
customers:
  own: {Mine: [secretA, secretB], Yours: [secretC, secretD]}
  secretcustomer: {secretclass: [secretA, secretC], secretother: rest}
"""
OWN = {"Authorization": "Bearer token-of-own-0123456789"}


@pytest.fixture(scope="module")
def secretive():
    from hiercls.estimator import HierarchicalTextClassifier

    texts = ["apple red", "bread brown", "cloud white", "dog black"] * 4
    topics = ["secretA", "secretB", "secretC", "secretD"] * 4
    return HierarchicalTextClassifier(WORLD, encoder=None).fit(texts, topics).conformalize(texts, topics)


@pytest.fixture
def client(serve, secretive):
    return serve(model=secretive, tokens=Tokens(customers={"own": OWN["Authorization"].split()[1]}))


def test_a_customers_token_is_answered_with_its_own_classes(client):
    asked = {"documents": ["apple"], "top_k": 9, "coverage": 0.5, "explain": True}
    (answer,) = client.post("/predict", json=asked, headers=OWN).json()["documents"][0]["answers"]
    assert (answer["at"], answer["labels"], [one["name"] for one in answer["top"]]) == (
        "own",
        ["Mine"],
        ["Mine", "Yours"],
    )
    assert answer["why"]["words"][0]["word"] == "apple"
    assert client.get("/views", headers=OWN).json() == [
        {"name": "own", "kind": "customer", "classes": ["Mine", "Yours"]}
    ]
    found = client.get("/taxonomy", headers=OWN).json()
    assert [one["name"] for one in found["customers"]] == ["own"]
    assert found["customers"][0]["classes"][0] == {"name": "Mine", "topics": []}


def test_a_customers_token_reads_no_name_of_others_anywhere(client):
    attempts = [client.get(path, headers=OWN) for path in ("/taxonomy", "/views", "/metrics", "/openapi.json", "/")]
    guesses = ["secretcustome", "Own ", "secrettopi", "secretarea", "secretcustomer", "nothing", "secretclass"]
    for guess in guesses:
        for asked in ({"at": [guess]}, {"at": ["own", guess]}, {guess: 1}, {"at": [guess], "explain": True}):
            attempts.append(client.post("/predict", json={"documents": ["apple"], **asked}, headers=OWN))
        attempts.append(client.get(f"/{guess}", headers=OWN))
    attempts += [
        client.post("/predict", json={"documents": ["apple dog"], "coverage": coverage, "explain": True}, headers=OWN)
        for coverage in (0.01, 0.999999)
    ]
    for text in (
        "customer: x\nclasses: {A: secret, Mine: nothing}",
        "customer: secretcustomer\nclasses: {A: rest}",
        "",
    ):
        attempts += [client.post(path, content=text, headers=OWN) for path in ("/customers", "/customers/check")]
        attempts.append(client.post("/customers?replace=true", content=text, headers=OWN))
    for response in attempts:
        said = response.text
        for guess in guesses:  # what was sent may come back
            said = said.replace(f"body.{guess}", "")
        assert "secret" not in said, (response.request.url, response.request.content, said)
    assert {response.status_code for response in attempts} == {200, 403, 404, 422}


def test_a_view_that_there_is_and_one_that_there_is_not_are_refused_alike(client):
    said = [
        client.post("/predict", json={"documents": ["a"], "at": [at]}, headers=OWN) for at in ("secretcustomer", "none")
    ]
    assert said[0].status_code == said[1].status_code == 403
    assert said[0].text == said[1].text


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
     "{admin: same-secret-same-secret, customers: {one: same-secret-same-secret}}", "admin: 'with space secret'"],
)  # fmt: skip
def test_a_wrong_token_file_is_told_and_never_quoted(tmp_path, text):
    path = tmp_path / "tokens.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        Tokens.from_yaml(path)
    assert "secret" not in str(raised.value)
    with pytest.raises(ConfigError, match="cannot read"):
        Tokens.from_yaml(tmp_path / "none.yaml")
