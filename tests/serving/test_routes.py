"""Every route: the answers are the estimator's, and what cannot be answered says why."""

from __future__ import annotations

import json

import numpy as np
import pytest

TEXTS = ["a1 a2 the", "f3 f1 of", "b2 c1 and", ""]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(serve):
    return serve()


def predict(client, texts=TEXTS, *, headers=None, **asked):
    response = client.post("/predict", json={"documents": texts, **asked}, headers=headers)
    assert response.status_code == 200, response.text
    return [document["answers"] for document in response.json()["documents"]]


@pytest.mark.parametrize("at", ["topic", "area", "one", "two", "three"])
def test_classes_are_the_estimators(client, classifier, at):
    rows = [answers[0] for answers in predict(client, at=[at], top_k=1000)]
    classes = classifier.taxonomy_.view(at).classes
    expected = classifier.predict_proba(TEXTS, at=at)
    for row, probabilities, label in zip(rows, expected, classifier.predict(TEXTS, at=at), strict=True):
        assert (row["at"], row["labels"]) == (at, [label])
        assert [one["name"] for one in row["top"]] == [classes[k] for k in np.argsort(-probabilities, kind="stable")]
        np.testing.assert_allclose([one["probability"] for one in row["top"]], np.sort(probabilities)[::-1], atol=1e-6)


def test_several_views_stand_in_the_order_asked_for_and_the_topics_are_the_default(client):
    assert [[one["at"] for one in answers] for answers in predict(client, at=["two", "area"])] == [["two", "area"]] * 4
    (answers,) = predict(client, ["a1"])
    assert (answers[0]["at"], len(answers[0]["top"])) == ("topic", 1)
    assert "within" not in answers[0]
    assert "why" not in answers[0]


@pytest.mark.parametrize("at", ["topic", "one"])
def test_sets_are_the_estimators(client, classifier, at):
    expected = classifier.predict_set(TEXTS, at=at, coverage=0.8)
    classes = np.asarray(classifier.taxonomy_.view(at).classes)
    found = [answers[0]["within"] for answers in predict(client, at=[at], coverage=0.8)]
    assert found == [classes[row].tolist() for row in expected]


def test_explanations_are_the_librarys(client, classifier):
    from hiercls.explain import explain

    (answers,) = predict(client, ["a1 a1 b2 the"], at=["one"], explain=True)
    why, expected = answers[0]["why"], explain(classifier, "a1 a1 b2 the", at="one")
    assert (why["name"], why["n_words"]) == (expected.answer, 3)
    assert why["probability"] == pytest.approx(expected.probability)
    assert [(one["word"], one["spans"]) for one in why["words"]] == [
        (one.word, [list(span) for span in one.spans]) for one in expected.words
    ]
    assert [one["effect"] for one in why["words"]] == pytest.approx([one.effect for one in expected.words])
    assert {one["topic"] for one in why["topics"]} == {"A", "B", "C"}


def test_the_map_and_its_views(client, tiny):
    found = client.get("/taxonomy").json()
    assert (found["name"], found["levels"], found["roots"]) == ("tiny", ["area", "topic"], ["X", "Y"])
    assert {node["name"]: node["children"] for node in found["nodes"]}["X"] == ["A", "B", "C"]
    two = {one["name"]: one["topics"] for one in found["customers"][1]["classes"]}
    assert two == {"A": ["A"], "BC": ["B", "C"], "DE": ["D", "E"], "F": ["F"]}
    views = client.get("/views").json()
    assert [(one["name"], one["kind"]) for one in views] == [
        (name, "level" if name in tiny.levels else "customer") for name in tiny.views
    ]
    assert views[2]["classes"] == ["ABC", "D", "EF"]


def test_it_is_well_and_counts(client):
    assert client.get("/healthz").json() == client.get("/readyz").json() == {"status": "ok"}
    predict(client)
    client.post("/predict", json={})
    counted = client.get("/metrics").text
    assert "hiercls_documents_total 4.0" in counted
    assert 'hiercls_requests_total{route="/predict",status="200"} 1.0' in counted
    assert 'hiercls_requests_total{route="/predict",status="422"} 1.0' in counted
    assert "hiercls_waiting_documents 0.0" in counted


def test_the_schema_has_examples_that_work(client):
    schema = client.get("/openapi.json").json()
    shapes = schema["components"]["schemas"]
    for name in ("PredictRequest", "PredictResponse", "Refusal"):
        assert shapes[name]["examples"]
    for example in shapes["PredictRequest"]["examples"]:
        assert client.post("/predict", json=example).status_code == 200
    assert {"401", "403", "413", "422", "429"} <= schema["paths"]["/predict"]["post"]["responses"].keys()
    assert "application/yaml" in schema["paths"]["/customers"]["post"]["requestBody"]["content"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff", "cannot be read"),
        (b"[]", "body: "),
        (b"{}", "documents: field required"),
        (b'{"documents": []}', "documents: list should have at least 1 item"),
        (b'{"documents": "a text"}', "documents: input should be a valid list"),
        (b'{"documents": ["a", null]}', "documents.1: input should be a valid string"),
        (b'{"documents": ["a\\ud800"]}', "documents.0: half a surrogate pair at character 1"),
        (b'{"documents": ["a"], "at": "one"}', "at: input should be a valid list"),
        (b'{"documents": ["a"], "at": []}', "at: list should have at least 1 item"),
        (b'{"documents": ["a"], "at": ["tow"]}', "did you mean 'two'?"),
        (b'{"documents": ["a"], "top_k": 0}', "top_k: input should be greater than or equal to 1"),
        (b'{"documents": ["a"], "top_k": true}', "top_k: input should be a valid integer"),
        (b'{"documents": ["a"], "top_k": 1.5}', "top_k: input should be a valid integer"),
        (b'{"documents": ["a"], "coverage": 1}', "coverage: input should be less than 1"),
        (b'{"documents": ["a"], "coverage": NaN}', "coverage: input should be"),
        (b'{"documents": ["a"], "explain": "yes"}', "explain: input should be a valid boolean"),
        (b'{"documents": ["a"], "colour": 1}', "colour: extra inputs are not permitted"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_bad_request_is_told_why(client, body, said):
    response = client.post("/predict", content=body, headers=JSON)
    assert response.status_code in (400, 422)
    assert said in response.json()["detail"]


def test_another_kind_of_content_is_told_so(client):
    for response in (
        client.post("/predict", data={"documents": "a"}),
        client.post("/predict", content=b'{"documents": ["a"]}', headers={"Content-Type": "text/plain"}),
    ):
        assert response.status_code == 422
        assert "'Content-Type: application/json'" in response.json()["detail"]


def test_a_name_with_half_a_surrogate_pair_is_unknown(client):
    response = client.post("/predict", content=b'{"documents": ["a"], "\\ud800": 1}', headers=JSON)
    assert response.status_code == 422
    assert "valid string" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/predict", 405), ("DELETE", "/customers", 405)]
)
def test_pages_that_there_are_not(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    assert "/openapi.json" in response.json()["detail"]


def test_sets_need_held_out_documents(serve, tiny, tiny_documents):
    from hiercls.estimator import HierarchicalTextClassifier

    client = serve(model=HierarchicalTextClassifier(tiny, encoder=None).fit(*tiny_documents))
    response = client.post("/predict", json={"documents": ["a1"], "coverage": 0.9})
    assert response.status_code == 422
    assert "conformalize" in response.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"documents": ["a"] * 4}, "4 documents came, of at most 3"),
        ({"documents": ["a", "b" * 101]}, "document 1 has 101 characters, of at most 100"),
        ({"documents": ["a"], "at": ["one"] * 3}, "3 views are asked for, of at most 2"),
        ({"documents": ["a", "b"], "explain": True}, "at most 1 explanations are given a request"),
        ({"documents": ["a"], "at": ["one", "two"], "explain": True}, "at most 1 explanations are given a request"),
        ({"documents": ["a" * 2000]}, "the body is larger than 1,000 bytes"),
    ],
)
def test_too_much_is_told_so(serve, asked, said):
    client = serve(n_documents=3, n_characters=100, n_views=2, n_explained=1, n_body_bytes=1000)
    response = client.post("/predict", json=asked)
    assert response.status_code == 413
    assert said in response.json()["detail"]
    streamed = client.post(
        "/predict", content=iter([json.dumps(asked).encode()]), headers=JSON
    )  # its length is not announced
    assert (streamed.status_code, streamed.json()["detail"]) == (413, response.json()["detail"])


def test_a_document_that_is_a_script_comes_back_as_json(client):
    response = client.post("/predict", json={"documents": ["<script>alert(1)</script> a1"], "explain": True})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    refused = client.post("/predict", json={"documents": ["a"], "at": ["<script>alert(1)</script>"]})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/json")
