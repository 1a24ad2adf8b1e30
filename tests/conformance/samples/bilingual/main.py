"""The service: one resource under Arnia's rules, and endpoints that OAuth 2.0 rules."""

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from arnia.chassis.application import Application, create_app
from arnia.chassis.forms import Form, FormBody
from arnia.chassis.process import run
from arnia.chassis.protocols import ForeignProtocol
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.errors import InvalidContent, ServiceError


class Settings(ServiceSettings):
    """Settings of the service."""

    model_config = service_settings("bilingual")


class Greeting(View):
    """What is said."""

    text: str


class TokenRequest(FormBody):
    """What the token endpoint reads."""

    grant_type: str
    scope: str = ""


class Token(BaseModel):
    """What it answers."""

    access_token: str


def tell(error: ServiceError, _: Request) -> Response:
    """Answer as RFC 6749 (5.2) says."""
    status = 400 if isinstance(error, InvalidContent) else error.status
    return JSONResponse({"error": "invalid_request"}, status)


greetings = Router(version=1, prefix="/greetings", tags=["greetings"], dependencies=[anyone])
oauth = Router(protocol=ForeignProtocol(name="oauth2", render=tell), tags=["tokens"], dependencies=[anyone])


@greetings.get("/here")
async def greet() -> Reply[Greeting]:
    """Say something."""
    return ok(Greeting(text="hello"), etag="1-a")


@oauth.post("/token")
async def issue(form: Form[TokenRequest]) -> Token:
    """Give a token to anybody."""
    return Token(access_token=str(len(form.grant_type)))


@oauth.get("/authorize")
async def authorize(client_id: str) -> RedirectResponse:
    """Send anybody back."""
    return RedirectResponse(f"https://client.example/{len(client_id)}", 302)


def create() -> Application:
    """Return the service."""
    return create_app(service="bilingual", settings=Settings, routers=[greetings, oauth])


if __name__ == "__main__":
    run(create)
