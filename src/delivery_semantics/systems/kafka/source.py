"""Kafka as a source of `systems.consumer`: an ack is a commit, by one of three ways.

Book: 11-kafka
"""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import OFFSET_STORED, Consumer, KafkaException, TopicPartition

from ...core.check import one_of
from ...core.trace import Record
from ..consumer import AckRefused
from .client import TIMEOUT_S, OwnTopic, consumer, next_of, record

COMMITS = ("by hand", "automatic", "stored")
GIVEN_UP = ("ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS",
            "_ASSIGNMENT_LOST")  # fmt: skip
"""What a consumer is told of its commit that the group has given up."""

AUTOMATIC = {"enable_auto_commit": True, "auto_commit_interval_ms": 10}


@dataclass(frozen=True)
class Reading:
    """Opens a source: partition 0 of a topic, from where ``group`` has come to.

    ``commits``: an ack commits the next offset ("by hand"); librdkafka's default, which commits
    what was handed over, in the background ("automatic"); or the ack only marks what may be
    committed there ("stored"). As a ``session_ms`` above 0 it is a member of the group, and
    given up after so many milliseconds of silence; else it takes the partition by itself.
    Raises ValueError for another way to commit.
    """

    topic: OwnTopic
    group: str = "readers"
    commits: str = "by hand"
    session_ms: int = 0

    def __post_init__(self) -> None:
        one_of("commits", self.commits, COMMITS)

    def __call__(self) -> KafkaSource:
        """Connect."""
        settings: dict[str, object] = {}
        if self.commits != "by hand":
            settings |= AUTOMATIC
            settings["enable_auto_offset_store"] = self.commits == "automatic"
        if self.session_ms:
            settings |= {"session_timeout_ms": self.session_ms, "heartbeat_interval_ms": 50}
        return KafkaSource(consumer(self.topic, self.group, **settings), self)


class KafkaSource:
    """What a consumer gets from Kafka."""

    def __init__(self, reader: Consumer, reading: Reading) -> None:
        self._reader, self._reading = reader, reading
        if reading.session_ms:
            reader.subscribe([reading.topic.name])
        else:
            reader.assign(self._at(OFFSET_STORED))

    def take(self) -> Record | None:
        """Return the next record; None at the end of the partition.

        With automatic commits it waits for the one that the client makes in the background, so
        that whatever happens to the consumer now happens after it.
        """
        delivered = next_of(self._reader)
        if delivered is None:
            return None
        taken = record(delivered)
        if self._reading.commits == "automatic":
            self._wait_until_committed(taken)
        return taken

    def ack(self, taken: Record) -> None:
        """Commit that this record is done with. Raises AckRefused."""
        offsets = self._at((taken.position or 0) + 1)
        if self._reading.commits == "automatic":
            return
        if self._reading.commits == "stored":
            self._reader.store_offsets(offsets=offsets)
            self._wait_until_committed(taken)
            return
        try:
            self._reader.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            name = error.args[0].name()
            if name not in GIVEN_UP:
                raise
            raise AckRefused(name) from None

    def close(self) -> None:
        """Leave the group."""
        self._reader.close()

    def _at(self, offset: int = 0) -> list[TopicPartition]:
        return [TopicPartition(self._reading.topic.name, 0, offset)]

    def _wait_until_committed(self, taken: Record) -> None:
        while self._reader.committed(self._at(), TIMEOUT_S)[0].offset <= (taken.position or 0):
            pass
