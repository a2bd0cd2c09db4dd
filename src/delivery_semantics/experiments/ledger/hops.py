"""A network for each hop, which loses the reply that it is told to lose.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from ...systems.cut import Cut
from ...systems.http.proxy import Proxy
from ...systems.postgresql_frames import postgres_frames
from .servers import Servers

SHOP, RELAY, BANK, FORWARDER, CARD = "shop", "relay", "bank", "forwarder", "card"
PROCESSES = (SHOP, RELAY, BANK, FORWARDER, CARD)
TO_SHOP, TO_CARD = "customer to shop", "forwarder to card"
TO_QUEUE, FROM_QUEUE = "relay to broker", "broker to bank"
HOPS = (TO_SHOP, TO_QUEUE, FROM_QUEUE, TO_CARD, *(f"{name} to database" for name in PROCESSES))
NOBODY = "http://127.0.0.1:1"


class Hops:
    """The networks, which end with ``stack``; ``tell`` is called with the hop of a lost reply.

    ``stores`` are the URLs of the processes' tables, and ``queue`` is the name of the queue.
    """

    def __init__(
        self, stack: ExitStack, servers: Servers, stores: dict[str, str], queue: str,
        tell: Callable[[str], object],
    ) -> None:  # fmt: skip
        kind = servers.kind
        self._replies, self._ways = Counter[str](), dict[str, Cut[Any]]()
        self._names = {TO_QUEUE: kind.relay_reply, FROM_QUEUE: kind.bank_reply}
        self._tell, self._queue = tell, queue

        def way(hop: str, made: Cut[Any]) -> str:
            self._ways[hop] = stack.enter_context(made)
            return made.address

        for hop in (TO_SHOP, TO_CARD):
            way(hop, Proxy(NOBODY, tell=partial(self._hear, hop)))
        self.queues = {}
        for process, hop in ((RELAY, TO_QUEUE), (BANK, FROM_QUEUE)):
            network = kind.network(servers.broker.address, tell=partial(self._hear, hop))
            self.queues[process] = kind.url(way(hop, network), queue)
        self.stores = {}
        for process in PROCESSES:
            hop = f"{process} to database"
            framing = partial(postgres_frames, partial(next, itertools.count(1)))
            at = way(hop, Cut(servers.place, framing, tell=partial(self._hear, hop)))
            here = stores[process].replace(servers.place, at)
            self.stores[process] = f"{here}&application_name={self.known_as(process)}"

    def known_as(self, process: str) -> str:
        """Return the name by which the database knows a process of this lab."""
        return f"{process}-{self._queue[-8:]}"

    def url(self, hop: str) -> str:
        """Return where a service is reached."""
        return f"http://{self._ways[hop].address}"

    def lead(self, hop: str, target: str = "") -> None:
        """Cut the connections that there are, and lead new ones to ``target``, if given."""
        self._ways[hop].target = target or self._ways[hop].target
        self._ways[hop].cut_all()

    def lose(self, hop: str, nth: int) -> None:
        """Lose the ``nth`` reply from now on, and cut its connection."""
        self._ways[hop].cut((self._names.get(hop, "reply"), self._replies[hop] + nth))

    def _hear(self, hop: str, frame: Any, fate: str = "") -> None:  # noqa: ANN401
        name, number = frame.name
        if name == self._names.get(hop, "reply"):
            self._replies[hop] = number
            if (fate or frame.fate) in ("lost", "cut"):
                self._tell(hop)
