"""Three questions that end at a recommendation, and the search that stands behind each.

Book: 16-which-guarantee
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape

from ... import (
    Exploration,
    FireAndForget,
    MarkThenProcess,
    Participant,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    Verdict,
    explore,
    payments,
)
from ...show.diagram import sequence
from ...show.view import View
from ..own_service.webhook import Mail, MailThenAck, MailWithKey, service


@dataclass(frozen=True)
class Recommendation:
    """What to do: its ``name``, in a sentence, and where in the book that was run.

    ``repeats`` and ``loses`` are what it accepts; a search over its ``parts`` says the same.
    ``evidence`` has the words of each link, and its place.
    """

    name: str
    sentence: str
    repeats: bool
    loses: bool
    evidence: Mapping[str, str]
    parts: Mapping[str, Participant]


@dataclass(frozen=True)
class PathQuestion:
    """A question, and what each answer leads to."""

    words: str
    answers: Mapping[str, PathQuestion | Recommendation]


def _pair(sender: Participant, receiver: Participant) -> dict[str, Participant]:
    return {"sender": sender, "receiver": receiver}


ONE = payments(1)
SEND_ONCE, RETRY = FireAndForget("receiver", ONE), RetryUntilAcked("receiver", ONE)

FORGET = Recommendation(
    "send and forget", "Send each message once. Keep nothing, retry nothing.", True, True,
    {"what is lost, in money": "03-at-most-once.html",
     "what it saves": "09-comparison-table.html#comparison-price"},
    _pair(SEND_ONCE, ProcessThenAck()),
)  # fmt: skip
AT_MOST = Recommendation(
    "at most once", "Send once, and mark the id before you process.", False, True,
    {"the receiver's half": "09-comparison-table.html#claim-c43",
     "killed between mark and effect": "07-deduplication.html#dedup-killed"},
    _pair(SEND_ONCE, MarkThenProcess()),
)  # fmt: skip
AT_LEAST = Recommendation(
    "at least once",
    "Retry until acked, process, then ack; and make the operation idempotent.", True, False,
    {"how many attempts": "04-at-least-once.html#claim-c18",
     "operations that may be repeated": "06-idempotent-operations.html#ways-to-idempotence"},
    _pair(RETRY, ProcessThenAck()),
)  # fmt: skip
ONE_COMMIT = Recommendation(
    "one commit",
    "Retry until acked, and write the effect and the id in one transaction.", False, False,
    {"the transaction, killed everywhere": "07-deduplication.html#dedup-atomic",
     "behind Kafka": "11-kafka.html#kafka-outside",
     "behind SQS": "13-aws-sqs.html#claim-c52",
     "behind gRPC": "14-grpc.html#grpc-interceptors",
     "over five processes": "15-from-the-button-to-the-ledger.html"},
    _pair(RETRY, ProcessOnce()),
)  # fmt: skip
KEY = Recommendation(
    "pass a key on",
    "Retry until acked, and give the other side a key that is the same in every attempt.",
    False, False,
    {"keys at a payments service": "08-stripe-idempotency.html#claim-c42",
     "a key derived from a key": "08-stripe-idempotency.html#recovery-points"},
    service(MailThenAck(), MailWithKey()),
)  # fmt: skip
NO_KEY = Recommendation(
    "choose your mistake",
    "Nobody can do it once there. Ask again or do not, and compare both books afterwards.",
    True, False,
    {"an interface that takes no key": "08-stripe-idempotency.html#charged-once-where",
     "why nobody can": "05-exactly-once-a-myth.html#claim-c25"},
    service(MailThenAck(), Mail()),
)  # fmt: skip
EVERY = (FORGET, AT_MOST, AT_LEAST, ONE_COMMIT, KEY, NO_KEY)

NOTHING, SOMETHING = "nothing", "something"
MINE, TAKES, TAKES_NONE = (
    "in a database of mine", "in a service that takes a key", "in a service that takes none",
)  # fmt: skip
LOST, REPEATED, WHERE = (
    "What does it cost if one message is lost?",
    "And if one has its effect twice?",
    "Where is the effect?",
)
PATH = PathQuestion(LOST, {
    NOTHING: PathQuestion(REPEATED, {NOTHING: FORGET, SOMETHING: AT_MOST}),
    SOMETHING: PathQuestion(REPEATED, {
        NOTHING: AT_LEAST,
        SOMETHING: PathQuestion(WHERE, {MINE: ONE_COMMIT, TAKES: KEY, TAKES_NONE: NO_KEY}),
    }),
})  # fmt: skip


@cache
def searched(name: str) -> Exploration:
    """Search what a recommendation does when a packet is lost, one is copied, one end dies."""
    [found] = [each for each in EVERY if each.name == name]
    return explore(found.parts)


def recommended(*answers: str) -> Recommendation:
    """Return where these answers lead; those that nobody asks for are passed over.

    Raises ValueError for an answer that a question does not have.
    """
    at: PathQuestion | Recommendation = PATH
    for answer in answers:
        if isinstance(at, Recommendation):
            break
        if answer not in at.answers:
            raise ValueError(f"answer is {answer!r}; allowed: {', '.join(at.answers)}")
        at = at.answers[answer]
    if isinstance(at, PathQuestion):
        raise ValueError(f"answers end at {at.words!r}; allowed: an answer to it as well")
    return at


def accepted(name: str) -> Verdict | None:
    """Return the shortest run in which a recommendation repeats or loses, if there is one."""
    return next((verdict for verdict in searched(name).verdicts if not verdict.holds), None)


def path_view(*, lost: str, repeated: str, where: str, seed: int = 1) -> View:
    """Show where three answers lead, and the shortest run that it accepts."""
    found = recommended(lost, repeated, where)
    verdict, explored = accepted(found.name), searched(found.name)
    shown = verdict or explored.run(explored.outcomes[-1])
    words = {(True, True): "It may lose, and it may repeat.", (False, True): "It may lose.",
             (True, False): "It may repeat.", (False, False): "It does neither."}  # fmt: skip
    end = words[found.repeats, found.loses]
    title = f"{found.name}: {'what you accept' if verdict else 'each way ends well'}"
    return View(
        sequence(shown, title=title),
        {
            "may repeat": "yes" if found.repeats else "no",
            "may lose": "yes" if found.loses else "no",
            "worlds searched": explored.worlds,
        },
        f"{found.name.capitalize()}. {found.sentence} {end}",
    )


# Without a kernel, and without a script ----------------------------------------------------


class DecisionPath:
    """The questions as a page shows them: each answer opens what follows from it."""

    def __repr__(self) -> str:
        return "\n".join(_lines(PATH))

    def _repr_html_(self) -> str:
        return f'<div class="decision-path">\n{_html(PATH)}\n</div>'


def _lines(at: PathQuestion | Recommendation, indent: str = "") -> list[str]:
    if isinstance(at, Recommendation):
        return [f"{indent}→ {at.name}: {at.sentence}"]
    told = [f"{indent}{at.words}"]
    for answer, then in at.answers.items():
        told += [f"{indent}  {answer}:", *_lines(then, f"{indent}    ")]
    return told


def _html(at: PathQuestion | Recommendation) -> str:
    if isinstance(at, Recommendation):
        links = ", ".join(
            f'<a href="{escape(place)}">{escape(words)}</a>'
            for words, place in at.evidence.items()
        )
        name, sentence = escape(at.name.capitalize()), escape(at.sentence)
        return f"<p><strong>{name}.</strong> {sentence} Shown: {links}.</p>"
    parts = [f"<p>{escape(at.words)}</p>"]
    for answer, then in at.answers.items():
        parts.append(f"<details><summary>{escape(answer.capitalize())}</summary>")
        parts += [f'<div style="margin-inline-start: 1.5rem">{_html(then)}</div>', "</details>"]
    return "\n".join(parts)
