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
from .frames import attributes

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
        who: check_messages(_messages(who, each), f"messages of {who}")
        for who, each in participants.items()
    }
    if sum(map(bool, sent.values())) > 1:
        _check_senders(sent)


def _messages(who: str, each: Participant) -> Any:  # noqa: ANN401  # of every type
    """Return what it sends, if it sends; an error of a property names ``who``."""
    try:
        given: Any = each
        # of a property that raises AttributeError, getattr would say that there is none
        return (
            given.messages if hasattr(type(each), "messages") else getattr(each, "messages", ())
        )
    except Exception as error:
        error.add_note(f"raised by messages of {who}")
        raise


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
    if not isinstance(name, str) or name not in participants:
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

_KNOWN = {Message, Ack}
"""Payloads whose text is their content."""


def check_payload(who: str, payload: Any) -> None:  # noqa: ANN401  # anything may be sent
    """Raise TypeError unless this can travel: with a kind, an id and a text that says all."""
    if type(payload) not in _KNOWN and (fault := _fault(payload)):
        raise TypeError(
            f"{who}: the payload {payload!r} {fault}; allowed: a Message, an Ack, or a "
            "frozen dataclass with a class attribute `kind` and an `id`, both texts"
        )
    if type(payload.id) is not str:
        raise TypeError(
            f"{who}: the id of the payload {payload!r} is {payload.id!r}; allowed: a text"
        )
    if type(payload) is Message and type(payload.amount) is not int:
        raise TypeError(f"{who}: the amount of {payload!r}; allowed: a whole number")


def check_message(who: str, message: Any) -> None:  # noqa: ANN401
    """Raise TypeError unless this can be processed: it travels, and is no ack."""
    check_payload(who, message)
    if message.kind == "ack":
        raise TypeError(f"{who} processes {message!r}; allowed: a message")


def _fault(payload: Any) -> str:  # noqa: ANN401
    kind: Any = type(payload)
    if not isinstance(getattr(payload, "kind", None), str) or not hasattr(payload, "id"):
        return "has no kind or no id"
    if not is_dataclass(kind) or kind.__hash__ is None:
        return "cannot be compared by a content that stays"
    shown = {each.name for each in fields(kind) if each.repr and each.compare}
    for name, value in attributes(payload):
        if name not in shown or repr(value) not in repr(payload):
            return f"leaves {name} out of its text or of its comparison"
        if not _is_plain(value):
            return f"cannot be compared: {name} is {value!r}"
    return ""


def _is_plain(value: object) -> bool:
    """Tell whether this can be kept: its text is its content, which stays and is comparable."""
    if type(value) is tuple:
        return all(map(_is_plain, value))
    if type(value) in (int, str, bool, float, bytes, NoneType):
        return value == value  # all but one that is no number
    return type(value) in _KNOWN or not _fault(value)


def check_value(who: str, key: str, value: Any) -> None:  # noqa: ANN401
    """Raise TypeError unless this can be kept: plain, and compared by its content."""
    if isinstance(value, bytes) or not _is_plain(value):
        raise TypeError(
            f"{who}: {key!r} is {value!r}; allowed: a number, a text, None, a payload, or a "
            "tuple of them"
        )
