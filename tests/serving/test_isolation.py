"""A customer's token against a server that is full of secrets, while others use it: it learns none of them."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.serving import CustomerStore, Tokens

ADMIN, OWN, OTHER = (f"token-of-{name}-0123456789" for name in ("admin", "own", "other"))
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
ADDED = "customer: {}\nclasses: {{secretnew: [secretA], secretrest: rest}}\n"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def header(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def secretive():
    texts = ["apple red", "bread brown", "cloud white", "dog black"] * 4
    topics = ["secretA", "secretB", "secretC", "secretD"] * 4
    return HierarchicalTextClassifier(WORLD, encoder=None).fit(texts, topics).conformalize(texts, topics)


@pytest.fixture
def client(serve, secretive, tmp_path):
    """Another customer and the admin have used it: documents, explanations, a customer added, mistakes made."""
    client = serve(
        model=secretive,
        store=CustomerStore(path=tmp_path / "customers.json"),
        tokens=Tokens(admin=ADMIN, customers={"own": OWN, "secretcustomer": OTHER}),
    )
    asked = {"documents": ["a secret document about an apple"], "explain": True}
    assert client.post("/predict", json=asked, headers=header(OTHER)).status_code == 200
    for text, status in ((ADDED.format("secretadded"), 201), ("customer: secretbad\nclasses: {a: secretgone}", 422)):
        assert client.post("/customers", content=text, headers=header(ADMIN)).status_code == status
    return client


def paths(client):
    """Every route of the schema, the page's files, and places that a guess would try."""
    known = client.get("/openapi.json").json()["paths"]
    return [*known, "/", "/explorer.js", "/openapi.json", "/docs", "/redoc", "/customers/secretcustomer", "/static"]


def test_a_customers_token_is_answered_with_its_own_classes(client):
    asked = {"documents": ["apple"], "top_k": 9, "coverage": 0.5, "explain": True}
    (answer,) = client.post("/predict", json=asked, headers=header(OWN)).json()["documents"][0]["answers"]
    assert (answer["at"], answer["labels"], [one["name"] for one in answer["top"]]) == (
        "own",
        ["Mine"],
        ["Mine", "Yours"],
    )
    assert answer["why"]["words"][0]["word"] == "apple"
    assert client.get("/views", headers=header(OWN)).json() == [
        {"name": "own", "kind": "customer", "classes": ["Mine", "Yours"]}
    ]
    found = client.get("/taxonomy", headers=header(OWN)).json()
    assert [one["name"] for one in found["customers"]] == ["own"]
    assert found["customers"][0]["classes"][0] == {"name": "Mine", "topics": []}


def test_no_route_and_no_method_tells_a_secret(client):
    bodies = [
        b"",
        b"{",
        json.dumps({"documents": ["apple"]}).encode(),
        json.dumps({"documents": ["apple dog"], "explain": True, "coverage": 0.99, "top_k": 1000}).encode(),
        json.dumps({"documents": ["apple"], "at": ["own", "own"]}).encode(),
        b"customer: own\nclasses: {All: rest}",
        ADDED.format("own").replace("secret", "").encode(),
    ]
    n_answered = 0
    for path, method, body in itertools.product(paths(client), METHODS, bodies):
        for kind in ("application/json", "application/yaml", "text/plain"):
            response = client.request(method, path, content=body, headers={**header(OWN), "Content-Type": kind})
            assert response.status_code < 500
            said = f"{response.text} {dict(response.headers)}".replace("/customers/secretcustomer", "")
            assert "secret" not in said, (method, path, body, said)
            n_answered += response.status_code == 200
    assert n_answered > 50


def test_a_name_that_there_is_cannot_be_told_from_one_that_there_is_not(client):
    """What is refused is refused in the same words, whether the guess was right or not."""
    right = ["secretcustomer", "secretadded", "secrettopic", "secretarea", "secretA", "secretclass", "secretworld"]
    wrong = ["xsecretcustomer", "SECRETCUSTOMER", "nobody", "", " ", "own ", "secretcustomer:secretclass"]
    for ask in (
        lambda name: client.post("/predict", json={"documents": ["a"], "at": [name]}, headers=header(OWN)),
        lambda name: client.post("/predict", json={"documents": ["a"], "at": ["own", name]}, headers=header(OWN)),
        lambda name: client.post("/customers", content=ADDED.format(name), headers=header(OWN)),
        lambda name: client.post("/customers?replace=true", content=ADDED.format(name), headers=header(OWN)),
        lambda name: client.post("/customers/check", content=ADDED.format(name), headers=header(OWN)),
        lambda name: client.get("/taxonomy", params={"customer": name}, headers=header(OWN)),
        lambda name: client.get("/views", params={"name": name}, headers=header(OWN)),
    ):
        answers = {(response.status_code, response.text) for response in map(ask, [*right, *wrong])}
        assert len(answers) == 1, answers


def test_what_is_counted_has_no_names(client):
    for name in ("secretcustomer", "secretA"):
        client.get(f"/{name}", headers=header(OWN))
        client.post(f"/predict/{name}", headers=header(OTHER))
    text = client.get("/metrics").text
    assert 'route="other"' in text
    assert "secret" not in text
    assert "own" not in text


def test_documents_that_are_scored_together_are_answered_to_whom_they_belong(client):
    def ask(place):
        token, text = ((OWN, "apple red"), (OTHER, "dog black"))[place % 2]
        asked = {"documents": [text] * (1 + place % 3), "explain": place % 4 > 1}
        return place, client.post("/predict", json=asked, headers=header(token)).json()["documents"]

    with ThreadPoolExecutor(16) as pool:
        for place, documents in pool.map(ask, range(64)):
            assert len(documents) == 1 + place % 3
            for document in documents:
                (answer,) = document["answers"]
                expected = ("own", ["Mine"]) if place % 2 == 0 else ("secretcustomer", ["secretother"])
                assert (answer["at"], answer["labels"]) == expected
                words = {one["word"] for one in answer.get("why", {}).get("words", ())}
                assert words <= ({"apple", "red"} if place % 2 == 0 else {"dog", "black"})


def test_a_customer_that_is_replaced_shows_its_new_classes_to_its_token_alone(client):
    text = "customer: secretcustomer\nclasses: {secretlast: rest}"
    assert client.post("/customers?replace=true", content=text, headers=header(ADMIN)).status_code == 201
    assert [one["name"] for one in client.get("/views", headers=header(OTHER)).json()] == ["secretcustomer"]
    assert "secret" not in client.get("/views", headers=header(OWN)).text


def test_a_token_for_a_level_s_name_is_a_customer_s_and_no_level_s(serve, secretive):
    client = serve(model=secretive, tokens=Tokens(customers={"secrettopic": OWN}))
    for response in (
        client.get("/views", headers=header(OWN)),
        client.get("/taxonomy", headers=header(OWN)),
        client.post("/predict", json={"documents": ["apple"]}, headers=header(OWN)),
        client.post("/predict", json={"documents": ["apple"], "at": ["secrettopic"]}, headers=header(OWN)),
    ):
        assert response.status_code == 403
        assert "secretA" not in response.text
