"""One payment, retold from what the processes said: who sent what, and where it took effect.

Nothing is added, and nothing is put in another order. A commit counts when its process has been
let go at COMMIT; a reply counts when its receiver goes on.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Iterable

from ... import Event, Message, Record, Trace
from ...live.run_log import LabelledAck, RunLog
from .actor import KILLED, PAUSED
from .hops import BANK, CARD, FORWARDER, RELAY, SHOP
from .lab import ACCEPTED, AMOUNT, CUSTOMER, REPLY_LOST, RESTARTED, ZOMBIE, Moment
from .servers import BROKER

NAMES = (CUSTOMER, SHOP, RELAY, BROKER, BANK, FORWARDER, CARD)
LEDGER = "ledger"
SENDS = {
    (CUSTOMER, "asks"): (SHOP, "payment"), (SHOP, "replying"): (CUSTOMER, ACCEPTED),
    (RELAY, "send"): (BROKER, "event"), (BANK, "ack"): (BROKER, "ack"),
    (FORWARDER, "ask"): (CARD, "charge"), (CARD, "replying"): (FORWARDER, "charged"),
}  # fmt: skip
"""Who is about to send what to whom, at which step."""

HEARS = {
    (SHOP, "received"): CUSTOMER, (CUSTOMER, ACCEPTED): SHOP, (CARD, "received"): FORWARDER,
    (FORWARDER, "answered"): CARD,
}  # fmt: skip
"""At which step who has heard, and from whom."""

TAKES_EFFECT = {"INSERT INTO entries": LEDGER, "INSERT INTO movements": CARD}


class _Teller(RunLog):
    def __init__(self, order: str) -> None:
        super().__init__(NAMES, (Message(order, AMOUNT),))
        self.order = order
        self._under_way: dict[tuple[str, str], Event] = {}
        self._effects: dict[str, str] = {}

    def tell(self, moment: Moment) -> None:
        who, step, fate = moment
        self._hear(who, step)
        me = f"paused {who}" if fate == ZOMBIE else who
        if fate == KILLED:
            self.note("crashed", who, note=f"at {step}")
            self.note("restarted", who)
        elif fate == PAUSED:
            self.note("paused", who)
            self._effects[f"paused {who}"] = self._effects.pop(who, "")
        elif fate in RESTARTED:
            self.note("killed", who)
            self._effects.clear()  # what was open is rolled back
        elif fate == ZOMBIE and step == "replying":
            pass  # its connection was cut: this reaches nobody
        elif fate != REPLY_LOST:
            self._do(who, step, me)

    def _hear(self, who: str, step: str) -> None:
        """Let arrive what has to have arrived, if it stands at this step."""
        if (who, step) == (RELAY, "stored"):
            self._arrive(RELAY, BROKER)
        elif (who, step) == (BANK, "acked"):
            self._arrive(BANK, BROKER)
        elif (who, step) == (BANK, "taken"):
            self._send(BROKER, BANK, "event")
            self._arrive(BROKER, BANK)
        elif source := HEARS.get((who, step)):
            self._arrive(source, who)
        if (who, step) == (CUSTOMER, ACCEPTED):
            self.note("confirmed", CUSTOMER, Message(self.order, AMOUNT))
        elif (who, step) == (CUSTOMER, ""):
            self.note("timed_out", CUSTOMER, note="cut")

    def _do(self, who: str, step: str, me: str) -> None:
        """Tell what it is about to do; ``me`` is the process, of which there may be two."""
        if step == "BEGIN":
            self._effects.pop(me, None)
        elif step in TAKES_EFFECT:
            self._effects[me] = TAKES_EFFECT[step]
        elif step == "COMMIT" and (group := self._effects.pop(me, "")):
            self.note("processed", who, Record(f"{self.order} ({group})", AMOUNT, group=group))
        elif step == "COMMIT" and who == SHOP:
            self.note("saved", who, note="payment and event")
        elif found := SENDS.get((who, step)):
            self._send(who, *found)

    def _send(self, source: str, target: str, label: str) -> None:
        said = LabelledAck(self.order, label)
        self._under_way[source, target] = self.leave(source, target, said)

    def _arrive(self, source: str, target: str) -> None:
        if sent := self._under_way.pop((source, target), None):
            self.arrive(sent)


def story(order: str, moments: Iterable[Moment]) -> Trace:
    """Return what happened to a payment, as the log of a run."""
    teller = _Teller(order)
    for moment in moments:
        teller.tell(moment)
    return teller.trace()
