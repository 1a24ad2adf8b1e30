"""What a type checker says of services that speak another protocol. Never run: mypy reads it."""

from typing import assert_type

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from arnia.chassis.context import RequestContext, current
from arnia.chassis.forms import Form, FormBody
from arnia.chassis.protocols import ForeignProtocol
from arnia.chassis.routing import Router
from arnia.chassis.security import CurrentPrincipal, Principal, anyone
from arnia.errors import ServiceError


class Order(FormBody):
    grams: int
    colour: str = "amber"


def tell(error: ServiceError, _: Request) -> Response:
    return JSONResponse({"error": error.slug}, error.status)


honey = ForeignProtocol(name="honey", render=tell)
router = Router(protocol=honey, dependencies=[anyone])


@router.post("/honey")
async def order(request: Request, form: Form[Order], principal: CurrentPrincipal) -> Response:
    assert_type(form, Order)
    assert_type(form.grams, int)
    assert_type(principal, Principal)
    assert_type(current(request), RequestContext)
    form.grams = 5  # type: ignore[misc]  # a form is frozen
    current(form)  # type: ignore[arg-type]  # the context is a request's
    principal.scopes.add("honey:write")  # type: ignore[attr-defined]  # nobody gives themselves a scope
    return JSONResponse({"grams": form.grams})


def answer(error: ServiceError) -> Response:
    return JSONResponse({"error": error.slug})


ForeignProtocol(name="honey", render=answer)  # type: ignore[arg-type]  # it is told of the request, too
ForeignProtocol("honey")  # type: ignore[call-arg]  # a protocol's parts have names
Router(protocol="oauth2")  # type: ignore[arg-type]  # a protocol is more than its name
Router(dependencies=[anyone()])  # type: ignore[operator]  # a policy as it is, not a function of one
