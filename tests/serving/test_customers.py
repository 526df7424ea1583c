"""Customers that are added while the server runs: at once, after a restart, or with every problem told."""

from __future__ import annotations

import errno
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from hiercls.errors import ModelFolderError, TaxonomyError
from hiercls.serving import CustomerStore, Service
from hiercls.serving.refusals import TakenError
from hiercls.serving.tokens import Reader

ACME = "customer: acme\nclasses:\n  Letters: [A, B]\n  Other: rest\n"


@pytest.fixture
def store(tmp_path):
    return CustomerStore.beside(tmp_path / "model")


@pytest.fixture
def client(serve, store, tokens):
    return serve(store=store, tokens=tokens)


def test_a_customer_works_at_once(client, bearer, classifier):
    added = client.post("/customers", content=ACME, headers=bearer("admin"))
    assert added.status_code == 201
    assert added.json()["customer"] == "acme"
    assert added.json()["classes"][1] == {"name": "Other", "topics": ["C", "D", "E", "F"]}
    asked = {"documents": ["a1 a2", "f1"], "at": ["acme"]}
    found = client.post("/predict", json=asked, headers=bearer("admin")).json()["documents"]
    assert [one["answers"][0]["labels"] for one in found] == [["Letters"], ["Other"]]
    assert client.get("/views", headers=bearer("admin")).json()[-1]["name"] == "acme"
    assert "acme" not in classifier.taxonomy_.customers  # what was given is never changed


def test_customers_outlive_a_restart(serve, store, tokens, bearer):
    first = serve(store=store, tokens=tokens)
    for text in (ACME, "{customer: one, classes: {All: rest}}", "{customer: 'a/b\\\\c', classes: {All: rest}}"):
        response = first.post("/customers?replace=true", content=text, headers=bearer("admin"))
        assert response.status_code == 201, response.text
    views = first.get("/views", headers=bearer("admin")).json()
    assert serve(store=store, tokens=tokens).get("/views", headers=bearer("admin")).json() == views
    assert {one["name"]: one["classes"] for one in views}["one"] == ["All"]
    assert views[-1]["name"] == "a/b\\\\c"
    assert store.path.name == "model.customers.json"


def test_a_customer_is_replaced_only_where_that_is_said(client, bearer):
    text = "{customer: one, classes: {All: rest}}"
    refused = client.post("/customers", content=text, headers=bearer("admin"))
    assert refused.status_code == 409
    assert "there is a customer 'one' already" in refused.json()["detail"]
    assert client.post("/customers?replace=true", content=text, headers=bearer("admin")).status_code == 201


@pytest.mark.parametrize("path", ["/customers", "/customers/check"])
def test_problems_are_told_by_line(client, bearer, path, store):
    text = "customer: acme\nclasses:\n  Letters: [A, Q]\n  Other: [C, D, E, F, A]\n"
    found = client.post(path, content=text, headers=bearer("admin"))
    assert found.status_code == (422 if path == "/customers" else 200)
    problems = {problem["line"]: problem["message"] for problem in found.json()["problems"]}
    assert "'Q'" in problems[3]
    assert "'A'" in problems[4]
    assert "'B'" in problems[2]
    assert not store.path.exists()


@pytest.mark.parametrize("text", ["", "/etc/passwd", "taxonomies/tiny.yaml", "[1]", "\0", "a: &a [*a]", "{" * 5000])
def test_a_text_is_never_taken_for_a_file(client, bearer, text):
    response = client.post("/customers", content=text.encode(), headers=bearer("admin"))
    assert response.status_code == 422
    assert "hiercls: 1" not in response.text
    assert "no such file" not in response.text


def test_what_is_no_utf8_is_told(client, bearer):
    response = client.post("/customers", content=b"customer: \xff", headers=bearer("admin"))
    assert (response.status_code, response.json()["detail"]) == (422, "expected YAML in UTF-8, got a wrong byte at 10")


def test_checking_says_what_the_classes_teach_and_changes_nothing(client, bearer):
    found = client.post("/customers/check", content=ACME, headers=bearer("admin")).json()
    assert (found["customer"], found["problems"], found["replaces"]) == ("acme", [], False)
    assert "rank 2 of 6" in found["identifiability"]
    assert "acme" not in [one["name"] for one in client.get("/views", headers=bearer("admin")).json()]


def test_adding_is_off_without_an_admin(serve):
    client = serve()
    refused = client.post("/customers", content=ACME)
    assert refused.status_code == 403
    assert "admin token" in refused.json()["detail"]
    assert client.post("/customers/check", content=ACME).json()["customer"] == "acme"


def test_a_customer_that_cannot_be_kept_is_not_added(serve, tmp_path, tokens, bearer):
    (tmp_path / "file").touch()
    store = CustomerStore(path=tmp_path / "file" / "customers.json")
    with pytest.raises(ModelFolderError, match="cannot read"):
        store.read()
    store = CustomerStore(path=tmp_path / "customers.json")
    client = serve(store=store, tokens=tokens)
    store.path.mkdir()
    (store.path / "in the way").touch()
    response = client.post("/customers", content=ACME, headers=bearer("admin"))
    assert response.status_code == 503
    assert "could not be kept" in response.json()["detail"]
    assert "acme" not in [one["name"] for one in client.get("/views", headers=bearer("admin")).json()]


@pytest.mark.parametrize("content", ["{", "[]", '{"customers": [{"customer": "acme"}]}', '{"customers": 1}'])
def test_a_broken_store_stops_the_start(classifier, store, content):
    store.path.write_text(content)
    with pytest.raises(ModelFolderError, match="move it away"):
        Service(classifier, store=store)


def test_a_kept_customer_that_does_not_fit_any_more_stops_the_start(classifier, store):
    store.path.write_text(json.dumps({"customers": [{"customer": "acme", "yaml": ACME.replace("A,", "Gone,")}]}))
    with pytest.raises(TaxonomyError, match="'Gone'"):
        Service(classifier, store=store)


def test_servers_on_one_store_overwrite_nothing_of_each_other(classifier, store):
    first, second = Service(classifier, store=store), Service(classifier, store=store)
    admin = Reader(changes=True)
    first.add(ACME, admin)
    second.add("{customer: beta, classes: {All: rest}}", admin)
    assert list(store.read()) == ["acme", "beta"]
    assert second.taxonomy.customers[-2:] == ("acme", "beta")  # the other's was taken up with it
    with pytest.raises(TakenError, match="there is a customer 'beta' already"):
        first.add("{customer: beta, classes: {None: rest}}", admin)
    first.add("{customer: acme, classes: {All: rest}}", admin, replace=True)
    second.add("{customer: gamma, classes: {All: rest}}", admin)
    assert second.taxonomy.view("acme").classes == ("All",)


def test_servers_that_add_at_the_same_time_lose_nothing(classifier, store):
    services = [Service(classifier, store=store) for _ in range(4)]
    names = [f"c{number}" for number in range(24)]

    def add(place):
        text = f"{{customer: {names[place]}, classes: {{All: rest}}}}"
        return services[place % 4].add(text, Reader(changes=True))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(add, range(24))) == names
    assert sorted(store.read()) == sorted(names)
    assert set(names) < set(Service(classifier, store=store).taxonomy.customers)


def test_a_full_disk_leaves_store_and_server_as_they_were(classifier, store, monkeypatch):
    service = Service(classifier, store=store)
    service.add(ACME, Reader(changes=True))
    before = store.path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("hiercls.files.os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            service.add("{customer: beta, classes: {All: rest}}", Reader(changes=True))
    assert store.path.read_bytes() == before
    assert "beta" not in service.taxonomy.customers
    assert not [path for path in store.path.parent.iterdir() if path.suffix == ".part"]
