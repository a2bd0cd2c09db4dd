"""The exercises of the book, a module for each chapter.

Book: 01-the-problem
"""

from __future__ import annotations

from ..exercise import Exercise
from . import (
    at_least_once, at_most_once, comparison, dedup, grpc, idempotent, kafka, ledger, myth,
    problem, rabbitmq, real_world, semantics, sqs, stripe, takeaways, which_guarantee,
)  # fmt: skip

CHAPTERS: dict[str, tuple[Exercise, ...]] = {
    "01-the-problem": problem.EXERCISES,
    "02-delivery-semantics": semantics.EXERCISES,
    "03-at-most-once": at_most_once.EXERCISES,
    "04-at-least-once": at_least_once.EXERCISES,
    "05-exactly-once-a-myth": myth.EXERCISES,
    "06-idempotent-operations": idempotent.EXERCISES,
    "07-deduplication": dedup.EXERCISES,
    "08-stripe-idempotency": stripe.EXERCISES,
    "09-comparison-table": comparison.EXERCISES,
    "10-real-world-systems": real_world.EXERCISES,
    "11-kafka": kafka.EXERCISES,
    "12-rabbitmq": rabbitmq.EXERCISES,
    "13-aws-sqs": sqs.EXERCISES,
    "14-grpc": grpc.EXERCISES,
    "15-from-the-button-to-the-ledger": ledger.EXERCISES,
    "16-which-guarantee": which_guarantee.EXERCISES,
    "17-key-takeaways": takeaways.EXERCISES,
}
"""The exercises of each chapter, in their order."""

EXERCISES: dict[str, Exercise] = {each.name: each for all in CHAPTERS.values() for each in all}
"""All of them, by name."""
