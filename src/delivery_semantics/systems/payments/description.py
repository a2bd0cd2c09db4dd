"""The service described in OpenAPI 3.1, from the same limits that the code checks.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from ...idempotency.profiles import KEY_CHARACTERS_MAX
from . import parameters
from .charges import STATUSES, Object
from .parameters import CHARGE_ID, CURRENCIES, SOURCE

TITLE = "Payments"
KEY_PATTERN = f"^[!#-~]([ !#-~]{{0,{KEY_CHARACTERS_MAX - 2}}}[!#-~])?$"
"""Of visible ASCII but quotes, with blanks between."""


def description() -> Object:
    """Return the OpenAPI 3.1 description of the service."""
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": "1", "description": "A service of a book."},
        "security": [{"secret": []}],
        "paths": {
            "/v1/charges": {"post": _create(), "get": _list()},
            "/v1/charges/{id}": {"get": _retrieve()},
        },
        "components": {
            "securitySchemes": {"secret": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Charge": _charge(), "ChargeList": _charges(), "Error": _error()},
        },
    }


def _create() -> Object:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Chosen before the first attempt, and the same in every retry.",
        "schema": {"type": "string", "pattern": KEY_PATTERN},
    }
    answers = {
        200: "The charge. Idempotent-Replayed: true, if it was made by an earlier request.",
        400: "The request is wrong, or its key was used for another one.",
        402: "The card was declined.",
        409: "A request with this key is being carried out.",
    }
    errors = {status: ("Error", text) for status, text in answers.items() if status != 200}
    return {
        "operationId": "createCharge",
        "parameters": [key],
        "requestBody": {"required": True, "content": {parameters.FORM: {"schema": _asked()}}},
        "responses": _responses({200: ("Charge", answers[200]), **errors}),
    }


def _list() -> Object:
    cursor = {"type": "string", "pattern": CHARGE_ID}
    limit = {"type": "integer", "minimum": 1, "maximum": parameters.LIMIT_MAX}
    wanted = {"limit": limit, "starting_after": cursor, "ending_before": cursor}
    return {
        "operationId": "listCharges",
        "parameters": [
            {"name": name, "in": "query", "schema": schema} for name, schema in wanted.items()
        ],
        "responses": _responses({
            200: ("ChargeList", "The account's charges, newest first."),
            400: ("Error", "A parameter is wrong."),
            404: ("Error", "The account has no charge to begin at."),
        }),
    }  # fmt: skip


def _retrieve() -> Object:
    return {
        "operationId": "retrieveCharge",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "responses": _responses({
            200: ("Charge", "The charge."),
            404: ("Error", "The account has no such charge."),
        }),
    }  # fmt: skip


def _responses(answers: dict[int, tuple[str, str]]) -> Object:
    answers = {**answers, 401: ("Error", "The request names no account.")}
    return {
        str(status): {
            "description": text,
            "content": {
                "application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}
            },
        }
        for status, (name, text) in answers.items()
    }


def _asked() -> Object:
    text = {"type": "string", "maxLength": parameters.DESCRIPTION_MAX, "pattern": r"^[^\x00]*$"}
    return {
        "type": "object",
        "required": ["amount", "currency", "source"],
        "additionalProperties": False,
        "properties": {
            "amount": {"type": "integer", "minimum": 1, "maximum": parameters.AMOUNT_MAX},
            "currency": {"type": "string", "enum": list(CURRENCIES)},
            "source": {"type": "string", "pattern": SOURCE},
            "description": text,
        },
        # metadata[name]=value
        "patternProperties": {
            r"^metadata\[[A-Za-z0-9_-]{1,40}\]$": text | {"maxLength": parameters.FIELD_MAX}
        },
    }


def _charge() -> Object:
    whole, text, flag = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}
    properties = {
        "id": text | {"pattern": CHARGE_ID},
        "object": {"const": "charge"},
        "amount": whole | {"minimum": 1, "maximum": parameters.AMOUNT_MAX},
        "amount_refunded": whole,
        "captured": flag,
        "created": whole,
        "currency": {"enum": list(CURRENCIES)},
        "description": {"type": ["string", "null"]},
        "livemode": flag,
        "metadata": {"type": "object", "additionalProperties": text},
        "paid": flag,
        "refunded": flag,
        "status": {"enum": list(STATUSES)},
    }
    return _closed(properties)


def _charges() -> Object:
    return _closed({
        "object": {"const": "list"},
        "url": {"const": "/v1/charges"},
        "has_more": {"type": "boolean"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Charge"}},
    })  # fmt: skip


def _error() -> Object:
    text = {"type": "string"}
    fields = dict.fromkeys(("type", "message", "code", "param", "charge", "doc_url"), text)
    error = {"type": "object", "required": ["type", "message"], "properties": fields}
    return _closed({"error": error | {"additionalProperties": False}})


def _closed(properties: Object) -> Object:
    """Return an object that has all of these and nothing else."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }
