"""The one page: somebody logs in, and lets an OAuth client act for them. Plain HTML, no script, nothing from elsewhere.

Whatever was sent is written as text, and the policy of the page would let no script run if that ever failed.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --accent: #b45309; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; width: min(24rem, 100vw); padding: 2rem; }
@media (min-width: 26rem) { main { border: 1px solid var(--line); border-radius: .75rem; } }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; }
p { margin: .25rem 0 1rem; overflow-wrap: anywhere; }
ul { margin: 0 0 1rem; padding-left: 1.25rem; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; border: 1px solid var(--line); }
input, button { border-radius: .4rem; }
button { margin: 1.5rem .5rem 0 0; padding: .6rem 1.2rem; font: inherit; border: 1px solid var(--line); }
button[value=allow] { color: #fff; background: var(--accent); border-color: var(--accent); font-weight: 600; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role=alert] { padding: .6rem; border-left: 4px solid #dc2626; background: #dc26261a; }
small { display: block; margin-top: 1.5rem; overflow-wrap: anywhere; opacity: .8; }
"""
STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_FORM: Final = """<p>to go on to <strong>{client}</strong></p>
{alert}{consent}<form method="post" action="authorize" autocomplete="on">
<input type="hidden" name="ticket" value="{ticket}">
<label for="username">User name</label>
<input id="username" name="username" value="{username}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required{focus_name}{described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required{focus_password}{described}>
<button name="decision" value="allow">{allow}</button>
<button name="decision" value="deny" formnovalidate>Cancel</button>
</form>
<small>Afterwards you return to {host}.</small>"""  # noqa: E501 - the lines of a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the form asks.

    Attributes:
        client: The OAuth client's name.
        scopes: What it may do then; empty where nobody is asked, as the client is our own.
        redirect_uri: Where the answer goes.
        alert: What went wrong before.
    """

    client: str
    scopes: Sequence[str]
    redirect_uri: str
    ticket: str
    username: str = ""
    alert: str = ""


def ask(question: Question, status: int = 200) -> HTMLResponse:
    """Show the form."""
    consent = ""
    if question.scopes:
        items = "\n".join(f"<li>{escape(scope)}</li>" for scope in question.scopes)
        consent = f"<p>Logging in lets it do this for you:</p>\n<ul>\n{items}\n</ul>\n"
    content = _FORM.format(
        client=escape(question.client),
        alert=_alert(question.alert),
        consent=consent,
        ticket=escape(question.ticket),
        username=escape(question.username),
        focus_name="" if question.username else " autofocus",
        focus_password=" autofocus" if question.username else "",
        described=' aria-describedby="alert"' if question.alert else "",
        allow="Log in and allow" if question.scopes else "Log in",
        host=escape(urlsplit(question.redirect_uri).netloc),
    )
    return _show("Log in", content, status, f"'self' {_origin(question.redirect_uri)}")


def refuse(reason: str, status: int) -> HTMLResponse:
    """Show why nothing can be asked here; there is no address that could be trusted with it."""
    advice = "<p>Go back to the application that sent you here, and start again.</p>"
    return _show("This does not work", _alert(reason) + advice, status, "'none'")


def protect(headers: dict[str, str], form_action: str = "'none'") -> dict[str, str]:
    """Return `headers` with those that keep a page, or a redirect, out of caches, frames and Referer fields."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action {form_action}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        **headers,
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }


def _alert(text: str) -> str:
    return f'<p id="alert" role="alert">{escape(text)}</p>\n' if text else ""


def _origin(redirect_uri: str) -> str:
    """Return what a form may lead to: browsers hold `form-action` against the redirect after it as well."""
    origin = ORIGIN.match(redirect_uri)
    # A source in a policy cannot be an IPv6 address (CSP 3, 2.3.1).
    return "http:" if origin is None else origin[0]


def _show(title: str, content: str, status: int, form_action: str) -> HTMLResponse:
    page = _PAGE.format(title=title, style=STYLE, content=content)
    return HTMLResponse(page, status, protect({}, form_action))
