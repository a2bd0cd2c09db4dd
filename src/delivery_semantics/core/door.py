"""What is let in: participants, their messages, and what travels, each checked by name.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any

from .check import of_type
from .effects import Ack, Message, Participant

METHODS = ("start", "receive")


def check_participants(participants: Mapping[str, Participant]) -> None:
    """Raise TypeError or ValueError unless these can take part, with an id for each message."""
    if not isinstance(participants, Mapping) or not participants:
        raise TypeError(
            f"participants is {participants!r}; allowed: a mapping of names to participants, "
            "{'sender': RetryUntilAcked(…), 'receiver': ProcessOnce()}"
        )
    for who, each in participants.items():
        _check_participant(who, each)
    sent = {
        who: check_messages(getattr(each, "messages", ()), f"messages of {who}")
        for who, each in participants.items()
    }
    if sum(map(bool, sent.values())) > 1:
        _check_senders(sent)


def _check_senders(sent: Mapping[str, Iterable[Message]]) -> None:
    senders: dict[str, str] = {}
    for who, messages in sent.items():
        for message in messages:
            if (other := senders.setdefault(message.id, who)) != who:
                raise ValueError(
                    f"messages: {other} and {who} both send the id {message.id!r}; allowed: "
                    "an id of its own for each message, whoever sends it"
                )


def _check_participant(who: object, each: object) -> None:
    if not isinstance(who, str) or not who:
        raise TypeError(f"participants: {who!r} is no name; allowed: a text")
    if isinstance(each, type):
        raise TypeError(
            f"participants: {who} is the class {each.__name__}; allowed: one of its kind, "
            f"{each.__name__}(…)"
        )
    missing = [name for name in METHODS if not callable(getattr(each, name, None))]
    if missing:
        raise TypeError(
            f"participants: {who} is {each!r}, without {' and '.join(missing)}; allowed: a "
            "Participant, as a subclass of Passive is"
        )


def check_messages(messages: Any, name: str = "messages") -> Sequence[Message]:  # noqa: ANN401
    """Return messages, each with its id; raise TypeError or ValueError for anything else."""
    if not isinstance(messages, tuple | list):
        raise TypeError(f"{name} is {messages!r}; allowed: a tuple of messages, payments(3)")
    for message in messages:
        if not isinstance(message, Message):
            raise TypeError(f"{name}: {message!r} is no message; allowed: Message(id, amount)")
        if not isinstance(message.id, str):
            raise TypeError(f"{name}: the id {message.id!r} is no text; allowed: '1', 'a'")
        if type(message.amount) is not int:
            raise TypeError(f"{name}: the amount of {message!r}; allowed: a whole number")
    ids = [message.id for message in messages]
    if len(set(ids)) < len(ids):
        twice = next(id for id, times in Counter(ids).items() if times > 1)
        raise ValueError(f"{name}: the id {twice!r} appears twice; allowed: one id per message")
    return messages


def check_known(parameter: str, name: str, participants: Mapping[str, Any]) -> None:
    """Raise ValueError unless ``name`` is one of the participants."""
    if name not in participants:
        allowed = ", ".join(participants)
        raise ValueError(f"{parameter}: {name!r} is no participant; allowed: {allowed}")


def check_stores(stores: Mapping[str, str] | None, participants: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError unless this gives participants the names of stores."""
    allowed = "a mapping of participants to the names of stores"
    of_type("stores", stores, Mapping, NoneType, allowed=allowed)
    for who, name in (stores or {}).items():
        check_known("stores", who, participants)
        if not isinstance(name, str) or not name:
            raise TypeError(f"stores: that of {who} is {name!r}; allowed: a name")


# What travels and what is kept --------------------------------------------------------------

_KNOWN: set[type] = {Message, Ack}
"""Types of payloads that have been looked at."""


def check_payload(who: str, payload: Any) -> None:  # noqa: ANN401  # anything may be sent
    """Raise TypeError unless this can travel: with a kind, an id and a text that says all."""
    if type(payload) not in _KNOWN:
        if fault := _fault(payload):
            raise TypeError(
                f"{who}: the payload {payload!r} {fault}; allowed: a Message, an Ack, or a "
                "frozen dataclass with a class attribute `kind` and an `id`, both texts"
            )
        _KNOWN.add(type(payload))
    if type(payload.id) is not str:
        raise TypeError(
            f"{who}: the id of the payload {payload!r} is {payload.id!r}; allowed: a text"
        )


def _fault(payload: Any) -> str:  # noqa: ANN401
    kind: Any = type(payload)
    if not isinstance(getattr(payload, "kind", None), str) or not hasattr(payload, "id"):
        return "has no kind or no id"
    if kind.__eq__ is object.__eq__:
        return "cannot be compared: two with the same content are not equal"
    if kind.__hash__ is None or not _hashes(payload):
        return "cannot be compared: its content may change"
    if kind.__repr__ is object.__repr__:
        return "has a text that is not its content"
    if is_dataclass(kind):
        for each in fields(kind):
            if not each.repr or not each.compare:
                return f"leaves {each.name} out of its text or of its comparison"
    return ""


def _hashes(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def check_value(who: str, key: str, value: Any) -> None:  # noqa: ANN401
    """Raise TypeError unless this can be kept: plain, and compared by its content."""
    if type(value) in (int, str, bool, float, type(None)):
        return
    if type(value) is tuple:
        for each in value:
            check_value(who, key, each)
        return
    if not hasattr(value, "kind") or _fault(value):
        raise TypeError(
            f"{who} saves {key!r} as {value!r}; allowed: a number, a text, None, a payload, or "
            "a tuple of them"
        )
