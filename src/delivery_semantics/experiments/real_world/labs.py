"""Where each lab finds its server.

Book: 10-real-world-systems
"""

from __future__ import annotations

from ...show.tables import Table, table
from ...systems.grpc import server as grpc
from ...systems.kafka import server as kafka
from ...systems.mqtt import server as mqtt
from ...systems.rabbitmq import server as rabbitmq
from ...systems.sqs import server as sqs

LABS = {
    "Kafka": (kafka.VARIABLE, f"Apache Kafka {kafka.VERSION}, which make kafka fetches"),
    "RabbitMQ": (rabbitmq.VARIABLE, "RabbitMQ 4, which make rabbitmq fetches, or yours"),
    "AWS SQS": (sqs.VARIABLE, f"{sqs.EMULATOR}, an emulator that comes with the package"),
    "gRPC": (grpc.VARIABLE, "a payments service of this book, on grpcio"),
    "MQTT": (mqtt.VARIABLE, "mosquitto, which make rabbitmq fetches, or yours"),
}
"""The variable that names a running server, and what is started without it."""


def labs_table() -> Table:
    """Return where each lab looks for its server, and what it starts if none is named."""
    return table(
        {
            "a running one is named in": [variable for variable, _ in LABS.values()],
            "else there is started": [started for _, started in LABS.values()],
        },
        rows=LABS,
        rows_name="system",
        caption="Where a lab finds its server",
    )
