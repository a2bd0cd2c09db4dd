"""The command ``check``: what is asked, and how it is told.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ..profiles import IETF_DRAFT, KEY_HEADER, STRIPE
from .verdicts import BROKEN, CheckResult, check_service
from .witness import BODIES, Template

PROFILES = {"draft": IETF_DRAFT, "stripe": STRIPE}
EPILOG = """exit status: 0 if nothing was seen that does not hold, 1 otherwise, 2 if the request
itself is not carried out. The requests have effects: check a service in its test mode."""


def add_check(commands: argparse._SubParsersAction[Any]) -> None:
    """Add it to the commands of a program."""
    says = "test what the idempotency keys of a service do, from outside"
    parser = commands.add_parser("check", help=says, description=says, epilog=EPILOG)
    parser.set_defaults(run=run_check)
    parser.add_argument("url", metavar="URL", help="where the request goes")
    parser.add_argument("--profile", choices=PROFILES, default="draft")
    parser.add_argument("--key-header", default=KEY_HEADER, metavar="NAME")
    parser.add_argument("--method", default="POST")
    parser.add_argument(
        "--header", type=header, action="append", default=[], metavar="'NAME: VALUE'"
    )
    parser.add_argument("--body", type=body, default=b"", help="text, or @FILE")
    for name, is_what in BODIES.items():
        parser.add_argument(f"--{name}-body", type=body, metavar="BODY", help=is_what)
    parser.add_argument(
        "--other-account", type=header, action="append", default=[], metavar="'NAME: VALUE'",
        help="a header that makes the request somebody else's",
    )  # fmt: skip
    parser.add_argument(
        "--count", default="", metavar="PATH", help="a GET there gives the effects as JSON: a "
        "number, a list, or an object with a list",
    )  # fmt: skip
    parser.add_argument(
        "--elsewhere", default="", metavar="'METHOD /PATH'",
        help="where the same request is carried out too: H4 tries its key there",
    )  # fmt: skip
    parser.add_argument("--expires-s", type=float, help="how long a key is kept, if not long")
    parser.add_argument("--requests-max", type=int, default=300)
    parser.add_argument("--timeout-s", type=float, default=30.0)
    parser.add_argument("--json", action="store_true", help="print one JSON list")


def run_check(given: argparse.Namespace) -> int:
    """Check the service, and print what was found. Raises ValueError and OSError."""
    bodies = {name: getattr(given, f"{name}_body") for name in BODIES}
    template = Template(
        url=given.url, method=given.method, headers=tuple(given.header), body=given.body,
        bodies={name: content for name, content in bodies.items() if content is not None},
        other_account=tuple(given.other_account), count=given.count, expires_s=given.expires_s,
        elsewhere=given.elsewhere,
    )  # fmt: skip
    limits = {"requests_max": given.requests_max, "timeout_s": given.timeout_s}
    try:
        profile = replace(PROFILES[given.profile], header=given.key_header)
        found = check_service(template, profile, **limits)
    except (HTTPException, BrokenPipeError) as error:  # that pipe is not the output's
        raise OSError(f"no answer from {given.url}: {type(error).__name__}") from error
    told = json.dumps([one._asdict() for one in found], indent=2) if given.json else text(found)
    print(told)
    return int(any(one.verdict == BROKEN for one in found))


def text(found: list[CheckResult]) -> str:
    """Return the findings as a table, with the lines for a shell below it."""
    rows = [f"{one.check:4}{one.verdict:16}{one.says}{_why(one.why)}" for one in found]
    lines = [f"\n{one.check}: {one.curl}" for one in found if one.curl]
    return "\n".join(rows + lines)


def header(text: str) -> tuple[str, str]:
    """Read one header."""
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise argparse.ArgumentTypeError(f"header is {text!r}; allowed: 'NAME: VALUE'")
    return name.strip(), value.strip()


def body(text: str) -> bytes:
    """Read a body: the text itself, or the file behind an @."""
    try:
        return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _why(why: str) -> str:
    return f"\n{'':20}{why}" if why else ""
