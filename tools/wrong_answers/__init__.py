"""Wrong answers that readers give, and the hint that each has to be given.

A module for each chapter, named as that of its exercises. An answer is a name of a hint and the
code; where a pair (old, new) stands for the code, it is the solution with that part of it
changed. "start" is the code that the exercise begins with.
"""

from __future__ import annotations

from . import (
    at_least_once,
    at_most_once,
    comparison,
    dedup,
    grpc,
    idempotent,
    kafka,
    ledger,
    myth,
    problem,
    rabbitmq,
    real_world,
    semantics,
    sqs,
    stripe,
    takeaways,
    which_guarantee,
)  # fmt: skip
from .answer import Wrong

CHAPTERS = (
    problem, semantics, at_most_once, at_least_once, myth, idempotent, dedup, stripe,
    comparison, real_world, kafka, rabbitmq, sqs, grpc, ledger, which_guarantee, takeaways,
)  # fmt: skip

WRONG: dict[str, tuple[Wrong, ...]] = {
    name: answers for chapter in CHAPTERS for name, answers in chapter.WRONG.items()
}
