"""One payment, end to end: a shop, a relay, a bank, a forwarder and a card processor.

Each is a process of its own, and each may die at any moment::

    shop -> [outbox] -> relay -> queue -> bank -> [outbox] -> forwarder -> card processor

- shop: HTTP, with an idempotency key; payment, event and answer are one transaction
- relay: sends each event, and takes its row out when the broker has stored it
- bank: inbox, ledger and outbox are one transaction; the ack comes after it
- forwarder: asks the card processor with a key that was derived from the customer's

Between two of them everything is at least once, and within each one commit decides. What comes
again is known by a name that it was given before the first attempt. The surprising thing is
that no process knows how often it was started.

    python -m delivery_semantics.systems.ledger shop --store URL --port PORT

Book: 15-from-the-button-to-the-ledger
"""
