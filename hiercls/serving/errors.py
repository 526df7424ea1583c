"""Errors as answers: a status, and a sentence that says why.

Knows HTTP and messages. What was sent is never quoted back whole, and nothing is told but what the error says.
"""

from __future__ import annotations

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from hiercls.errors import HierclsError, ProblemsError
from hiercls.serving.batching import BusyError
from hiercls.serving.messages import Fault, Refusal
from hiercls.serving.refusals import ForbiddenError, TakenError

STATUSES = {ForbiddenError: 403, TakenError: 409, BusyError: 429}
"""The status of an error; of any other of hiercls's it is 422."""


def handle_errors(app: FastAPI) -> None:
    """Have an application answer errors with a refusal.

    Args:
        app: The application.
    """
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(StarletteHTTPException, _on_http)
    app.add_exception_handler(HierclsError, _on_hiercls)


def faults(error: ProblemsError) -> list[Fault]:
    """The problems of an input as they go over the wire.

    Args:
        error: The error.

    Returns:
        One fault a problem.
    """
    return [
        Fault(message=one.message, line=one.line, column=one.column, path=one.path, hint=one.hint)
        for one in error.problems
    ]


def too_much(detail: str) -> HTTPException:
    """A request that is larger than the limits, as a refusal to be raised."""
    return HTTPException(413, detail)


async def _on_validation(request: Request, error: Exception) -> JSONResponse:
    """A body or a query that has not the shape that is expected."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = []
    for one in error.errors():
        where = [str(part) for part in one["loc"]]
        message = one["msg"][:1].lower() + one["msg"][1:]
        if one["type"] == "json_invalid":
            message = f"the body is not JSON: {one.get('ctx', {}).get('error', '')}"
        elif where == ["body"] and "json" not in request.headers.get("content-type", ""):
            message = "expected JSON, with the header 'Content-Type: application/json'"
        problems.append(Fault(message=message, path=".".join(where)))
    said = "; ".join(f"{problem.path}: {problem.message}" for problem in problems[:3])
    return _refusal(422, said, problems=problems)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    """An error that has a status already."""
    if not isinstance(error, StarletteHTTPException):
        raise error
    detail = {
        404: "there is no such page; /openapi.json lists all",
        405: f"{request.method} is not for this page; /openapi.json lists what is",
    }.get(error.status_code, str(error.detail))
    if error.status_code == 400:
        detail = "the body cannot be read; expected JSON in UTF-8"
    return _refusal(error.status_code, detail, headers=error.headers)


async def _on_hiercls(request: Request, error: Exception) -> JSONResponse:
    """An error that hiercls raises on purpose."""
    status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 422)
    if isinstance(error, ProblemsError):
        return _refusal(status, str(error).splitlines()[0].rstrip(":"), problems=faults(error))
    if isinstance(error, BusyError) and not request.app.state.hiercls.is_open:
        status = 503
    return _refusal(status, str(error), headers={"Retry-After": "1"} if isinstance(error, BusyError) else None)


def _refusal(status: int, detail: str, *, problems: list[Fault] | None = None, headers: object = None) -> JSONResponse:
    """The answer; half a surrogate pair that was sent comes back as a question mark."""
    refusal = Refusal(detail=_sendable(detail), problems=[])
    content = refusal.model_dump()
    content["problems"] = [
        {key: _sendable(value) if isinstance(value, str) else value for key, value in problem}
        for problem in problems or []
    ]
    return JSONResponse(content, status, headers=dict(headers) if isinstance(headers, dict) else None)


def _sendable(text: str) -> str:
    """A text that UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
