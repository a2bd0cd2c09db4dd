"""What the service answers when it does not do what it was asked, in Stripe's form.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse


@dataclass(eq=False)  # not frozen: Python writes a traceback into an error
class ApiError(Exception):
    """An answer that is an error: ``type`` tells clients what to do about it.

    Stripe's types: invalid_request_error (mend the request), card_error (the card was
    declined), idempotency_error (the key was used for something else), api_error (the
    service's own fault). ``param`` names the parameter at fault, ``charge`` a charge that
    was recorded all the same.
    """

    status: int
    type: str
    message: str
    code: str = ""
    param: str = ""
    charge: str = ""

    def response(self) -> JSONResponse:
        """Return it as a response."""
        fields = {"type": self.type, "message": self.message, "code": self.code}
        fields |= {"param": self.param, "charge": self.charge}
        body = {"error": {name: text for name, text in fields.items() if text}}
        return JSONResponse(body, self.status)


def invalid(param: str, message: str, code: str = "parameter_invalid") -> ApiError:
    """Return the refusal of a parameter."""
    return ApiError(400, "invalid_request_error", message, code, param)


def missing(param: str, id: str) -> ApiError:
    """Return the answer about a charge that does not exist, or is somebody else's."""
    message = f"No such charge: '{id}'"
    return ApiError(404, "invalid_request_error", message, "resource_missing", param)
