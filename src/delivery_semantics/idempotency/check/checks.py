"""The twenty checks, H1 to H20: each one's docstring is what holds if it holds.

A check has keys of its own. It returns what there is to say, or raises DoesNotHold or
CannotBeSeen.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable

from ..profiles import KEY_CHARACTERS_MAX, Refusal
from .wire import WireAnswer
from .witness import COPIES, CannotBeSeen, Witness, marker

STUCK_S, LOOKS = 5.0, 10
HEADERS = ("content-type", "location")
"""Those of an answer that its replay must have too."""

Check = Callable[[Witness], str]


def h1(see: Witness) -> str:
    """However often a request is sent, it is carried out once."""
    answers = [see.post() for _ in range(3)]
    if how := see.carried_out(1, *answers):
        raise CannotBeSeen(how)
    return ""


def h2(see: Witness) -> str:
    """A retry gets the first answer: status, body, type and place."""
    first, again = see.post(), see.post()
    see.replays(first, again)
    lost = [n for n in HEADERS if first.headers.get(n) != again.headers.get(n)]
    see.must(not lost, f"the retry has another {', '.join(lost)}")
    return ""


def h3(see: Witness) -> str:
    """Of copies at the same moment one is carried out; the others wait or get 409."""
    answers: list[WireAnswer] = []
    how, remark = "", ""
    for race, key in enumerate("abcde", 1):
        answers += (copies := see.post_at_once(key))
        told = sorted({answer.status for answer in copies})
        how = see.carried_out(race, *answers)
        see.must(any(a.done for a in copies), f"none of {COPIES} was carried out: {told}")
        see.must(all(a.done or a.status == 409 for a in copies), f"copies were answered {told}")
        waits = [a.headers.get("retry-after") for a in copies if a.status == 409]
        see.must("0" not in waits, "409 with Retry-After: 0")
        remark = "409 without Retry-After" if None in waits else remark
    return "; ".join(filter(None, (remark, how)))


def h4(see: Witness) -> str:
    """The key of another request is refused, and nothing is carried out."""
    first, mixed = see.post(), see.post(body="other")
    is_refused(see, mixed, Refusal.OTHER_REQUEST)
    how = see.carried_out(1, first, mixed)
    return is_another(see, first) if see.template.elsewhere else how


def h5(see: Witness) -> str:
    """After another request with its key, the first is answered as before."""
    first, _, again = see.post(), see.post(body="other"), see.post()
    see.replays(first, again)
    return ""


def h6(see: Witness) -> str:
    """A request without a key: carried out where keys are optional, else refused."""
    answer = see.post(field="")
    if see.profile.key_required:
        is_refused(see, answer, Refusal.KEY_MISSING)
        return see.carried_out(0, answer)
    see.must(answer.done, f"answered {answer.status}")
    return see.carried_out(1, answer)


def h7(see: Witness) -> str:
    """A key means nothing to a GET: it is neither used up nor answered from it."""
    bare, before = see.get(), see.get(field=see.field)
    if bare.status >= 400:
        raise CannotBeSeen(f"needs --count: a GET there is answered {bare.status}")
    first, after = see.post(), see.get(field=see.field)
    see.must(first.done, f"the key of a GET is used up: answered {first.status}")
    for got in (before, after):
        see.must(got.status == bare.status, f"a GET with a key is answered {got.status}")
        see.must(got.body != first.body, "a GET is given a kept answer")
    return see.carried_out(1, first)


def h8(see: Witness) -> str:
    """Two keys are two requests, also if all else is the same."""
    first, second = see.post("a"), see.post("b")
    see.must(second.done, f"the second was answered {second.status}")
    how = see.carried_out(2, first, second)
    if how and first.body == second.body:
        raise CannotBeSeen(how)
    return how


def h9(see: Witness) -> str:
    """After its time a key is forgotten, and the request is carried out again."""
    expires_s = see.template.expires_s
    if expires_s is None:
        raise CannotBeSeen("needs --expires-s: how long the service keeps a key")
    first = see.post()
    see.wait(expires_s)
    return see.carried_out(2, first, see.post())


def h10(see: Witness) -> str:
    """The header's name is the same in upper and in lower case."""
    first, again = (see.post(field=case(see.field)) for case in (str.upper, str.lower))
    see.replays(first, again)
    return ""


def h11(see: Witness) -> str:
    """A bare key is the same as one in quotes, or it is refused."""
    if not see.profile.key_quoted:
        raise CannotBeSeen(f"{see.profile.name}: says nothing about quotes")
    first, bare = see.post(), see.post(field=f"{see.profile.header}: {{}}")
    if bare.status == 400:
        return "a bare key is refused"
    see.replays(first, bare)
    return ""


def h12(see: Witness) -> str:
    """An empty key is refused, and nothing is carried out."""
    return not_a_key(see, f"{see.profile.header}:")


def h13(see: Witness) -> str:
    """A key of more than 255 characters is refused, and nothing is carried out."""
    return not_a_key(see, see.field.format("k" * (KEY_CHARACTERS_MAX + 1)))


def h14(see: Witness) -> str:
    """A 5xx is replayed (Stripe), or may be tried again (the draft)."""
    first, again = see.post(body="failing"), see.post(body="failing")
    is_what_was_asked(first, 500, 600)
    see.must(again.status != 409, "the key is in use after a failure")
    if see.profile.keeps_failures:
        see.must(again[::2] == first[::2], f"{first.status} is not replayed: {again.status}")
    kept = again[::2] == first[::2] and bool(marker(again))
    return "replayed" if kept else "" if see.profile.keeps_failures else "tried again"


def h15(see: Witness) -> str:
    """A 4xx that came of carrying the request out is replayed."""
    first, again = see.post(body="declined"), see.post(body="declined")
    is_what_was_asked(first, 400, 500)
    see.must(again[::2] == first[::2], f"{first.status} is not replayed: {again.status}")
    return ""


def h16(see: Witness) -> str:
    """A request whose answer is too large to keep is not carried out again."""
    first, again = see.post(body="large"), see.post(body="large")
    is_what_was_asked(first, 200, 300)
    return see.carried_out(1, first, again)


def h17(see: Witness) -> str:
    """A replay is marked as one, and a first answer is not."""
    first, again = see.post(), see.post()
    see.must(not marker(first), f"a first answer has {marker(first)}")
    if not marker(again) and see.profile.key_quoted:
        raise CannotBeSeen(f"{see.profile.name}: has no header for it")
    see.must(bool(marker(again)), "the second answer has no header that says so")
    return marker(again)


def h18(see: Witness) -> str:
    """A client that leaves does not leave its key stuck, nor the effect repeated."""
    see.post_and_leave()
    answer = see.post()
    for _ in range(LOOKS):
        if answer.status == 409:
            see.wait(STUCK_S / LOOKS)
            answer = see.post()
    see.must(answer.done, f"{STUCK_S:g} s later the retry is answered {answer.status}")
    return see.carried_out(1, answer, see.post())


def h19(see: Witness) -> str:
    """Somebody else's request with the same key is another request."""
    first, other = see.post(), see.post(other=True)
    see.must(other.done, f"somebody else's is answered {other.status}")
    kept = "somebody else is given the kept answer"
    see.must(not marker(other) or bool(marker(first)), kept)
    if how := see.carried_out(1, other, other=True):
        alike = see.post("l", other=True).body == other.body  # of another request of theirs
        see.must(alike or other.body != first.body, kept)
        if alike:
            raise CannotBeSeen(how)
    return how


def h20(see: Witness) -> str:
    """A request that is refused before anything is done leaves its key free."""
    wrong, mended = see.post(body="refused"), see.post()
    is_what_was_asked(wrong, 400, 500)
    see.must(mended.done, f"the mended request is answered {mended.status}")
    return see.carried_out(1, mended)


CHECKS: tuple[Check, ...] = (
    h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20,
)  # fmt: skip


def is_refused(see: Witness, answer: WireAnswer, refusal: Refusal) -> None:
    """Raise DoesNotHold unless an answer has the status that the profile has for it."""
    status = see.profile.refuse(refusal).status
    see.must(answer.status == status, f"answered {answer.status}, not {status}")


def is_another(see: Witness, first: WireAnswer) -> str:
    """Check that the key does not give the first answer at another method or path."""
    away = see.post(elsewhere=True)
    if not (away.done and see.profile.key_per_endpoint):
        is_refused(see, away, Refusal.OTHER_REQUEST)
        return see.carried_out(1, first, away)
    kept = "elsewhere the kept answer is given"
    see.must(not marker(away) or bool(marker(first)), kept)
    alike = "elsewhere: cannot be seen, as both are answered alike"
    return alike if away.body == first.body else "elsewhere it is another key"


def is_what_was_asked(answer: WireAnswer, least: int, beyond: int) -> None:
    """Raise CannotBeSeen for an answer to one of the bodies that is not of its kind."""
    if not least <= answer.status < beyond:
        raise CannotBeSeen(f"this body is answered {answer.status}")


def not_a_key(see: Witness, field: str) -> str:
    """Check that a header is refused which holds no key."""
    answer = see.post(field=field)
    is_refused(see, answer, Refusal.KEY_INVALID)
    return see.carried_out(0, answer)
