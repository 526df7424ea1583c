"""The routes: what may be asked, and how it is answered.

Knows HTTP, messages and the parts of a running application.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hiercls.errors import TaxonomyError
from hiercls.serving.errors import faults, too_much
from hiercls.serving.limits import Limits
from hiercls.serving.maps import described, groups, views
from hiercls.serving.messages import (
    Checked,
    Health,
    PredictRequest,
    PredictResponse,
    Refusal,
    TaxonomyAnswer,
    ViewAnswer,
)
from hiercls.serving.state import State
from hiercls.serving.tokens import Reader
from hiercls.taxonomy import Taxonomy

_REASONS = {
    400: "The body cannot be read.",
    401: "A token is needed, and none or an unknown one came.",
    403: "What is asked for is not for this token.",
    409: "There is a customer of this name already.",
    413: "More bytes, documents or characters than the limits allow.",
    422: "Something of the request is not as expected.",
    429: "Too much waits already; come again.",
    503: "The server is closing, or cannot write.",
}
_CUSTOMER: dict[str, Any] = {
    "type": "object",
    "required": ["customer", "classes"],
    "properties": {"customer": {"type": "string", "minLength": 1}, "classes": {"type": "object", "minProperties": 1}},
    "example": {"customer": "four", "classes": {"Science": "X", "Arts": "D", "Other": "rest"}},
}
"""The outline of a customer's YAML; which names are legal, the model knows."""

router = APIRouter()
_bearer = HTTPBearer(auto_error=False, description="A token, where the server knows any.")


def _yaml(schema: dict[str, Any]) -> dict[str, Any]:
    """What the schema says of a body in YAML."""
    return {"requestBody": {"required": True, "content": {"application/yaml": {"schema": schema}}}}


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the schema says of refusals."""
    return {status: {"model": Refusal, "description": _REASONS[status]} for status in statuses}


async def _state(request: Request) -> State:
    """The parts of the application that is asked."""
    state: State = request.app.state.hiercls
    return state


async def _reader(
    state: Annotated[State, Depends(_state)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Reader:
    """Who asks; whoever is not known is refused."""
    reader = state.tokens.reader(None if credentials is None else credentials.credentials)
    if reader is None:
        said = "this server asks for a token: send the header 'Authorization: Bearer TOKEN'"
        raise HTTPException(
            401, said if credentials is None else "unknown token", headers={"WWW-Authenticate": "Bearer"}
        )
    return reader


Parts = Annotated[State, Depends(_state)]
Asker = Annotated[Reader, Depends(_reader)]


@router.post(
    "/predict",
    summary="Classify documents",
    response_model=PredictResponse,
    responses=_refusals(400, 401, 403, 413, 422, 429, 503),
)
async def predict(body: PredictRequest, parts: Parts, asker: Asker) -> Response:
    """What documents are at the topics, a level or a customer: classes, sets that hold the true one, and why."""
    _bound(body, parts.service.limits)
    question = parts.service.question(
        body.documents,
        reader=asker,
        at=body.at,
        top_k=body.top_k,
        coverage=body.coverage,
        explained=body.explain,
    )
    queue = parts.explainer if body.explain else parts.batcher
    future = queue.submit(
        question.texts,
        lambda topics: question.answer(topics).model_dump_json(exclude_none=True),
        cost=question.cost,
    )
    return Response(await asyncio.wrap_future(future), media_type="application/json")


def _bound(body: PredictRequest, limits: Limits) -> None:
    """Refuse a request that is larger than the limits."""
    n_documents, n_views = len(body.documents), len(body.at or ())
    longest = max(range(n_documents), key=lambda place: len(body.documents[place]))
    if n_documents > limits.n_documents:
        raise too_much(
            f"{n_documents:,} documents came, of at most {limits.n_documents:,} a request; send them in parts"
        )
    if n_views > limits.n_views:
        raise too_much(f"{n_views:,} views are asked for, of at most {limits.n_views:,} a request")
    if len(body.documents[longest]) > limits.n_characters:
        raise too_much(
            f"document {longest} has {len(body.documents[longest]):,} characters, of at most {limits.n_characters:,}; "
            "the model reads a document's beginning, so send that"
        )
    if body.explain and n_documents * max(1, n_views) > limits.n_explained:
        raise too_much(f"at most {limits.n_explained:,} explanations are given a request: documents times views")


@router.get("/taxonomy", summary="The map", responses=_refusals(401, 403))
def taxonomy(parts: Parts, asker: Asker) -> TaxonomyAnswer:
    """Levels, nodes and customers; for a customer's token its own classes alone."""
    return described(parts.service.taxonomy, parts.service.visible(asker), whole=asker.customer is None)


@router.get("/views", summary="What can be asked for", responses=_refusals(401, 403))
def list_views(parts: Parts, asker: Asker) -> list[ViewAnswer]:
    """Every level and customer with its classes; for a customer's token its own alone."""
    return views(parts.service.taxonomy, parts.service.visible(asker))


@router.post(
    "/customers",
    summary="Add a customer",
    status_code=201,
    responses=_refusals(401, 403, 409, 413, 422, 503),
    openapi_extra=_yaml(_CUSTOMER),
)
async def add_customer(
    request: Request,
    parts: Parts,
    asker: Asker,
    replace: Annotated[bool, Query(description="Whether a customer of this name may get other classes.")] = False,
) -> Checked:
    """A customer from its YAML: it is answered at once, and after a restart. For the admin token alone."""
    text = await _text(request)
    try:
        name = await run_in_threadpool(parts.service.add, text, asker, replace=replace)
    except OSError as error:
        if isinstance(error, PermissionError) and error.errno is None:
            raise
        raise HTTPException(503, "the customer could not be kept, so it was not added; is the disk full?") from error
    return Checked(customer=name, classes=groups(parts.service.taxonomy, name, whole=True))


@router.post(
    "/customers/check",
    summary="Check a customer",
    responses=_refusals(401, 403, 413, 422),
    openapi_extra=_yaml({"example": _CUSTOMER["example"]}),  # anything may be checked
)
async def check_customer(request: Request, parts: Parts, asker: Asker) -> Checked:
    """What is wrong with a customer's YAML, line by line, or what it says; nothing is changed."""
    text = await _text(request)
    try:
        found = await run_in_threadpool(parts.service.check, text, asker)
    except TaxonomyError as error:
        return Checked(customer=None, problems=faults(error))
    return await run_in_threadpool(_checked, found, parts.service.taxonomy)


def _checked(found: Taxonomy, known: Taxonomy) -> Checked:
    """What a customer's YAML says."""
    name = found.customers[-1]
    return Checked(
        customer=name,
        classes=groups(found, name, whole=True),
        identifiability=found.identifiability([name]).summary(),
        replaces=name in known.customers,
    )


async def _text(request: Request) -> str:
    """The body as text."""
    try:
        text = (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise HTTPException(422, f"expected YAML in UTF-8, got a wrong byte at {error.start}") from error
    if not text:
        raise HTTPException(422, "expected a customer's YAML, got an empty body")
    return text


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Health:
    """Always well, as long as it answers."""
    return Health()


@router.get("/readyz", summary="Whether requests are taken", responses=_refusals(503))
async def readyz(parts: Parts) -> Health:
    """Well from when the model is loaded and warm until the server closes."""
    if not parts.is_open:
        raise HTTPException(503, "the server is closing")
    return Health()


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(parts: Parts) -> Response:
    """Requests, documents, batches and what waits; no names and no texts."""
    return Response(parts.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
