"""A Kafka of this book's own: one broker, which is its own controller (KRaft), on loopback.

Where ``KAFKA_BOOTSTRAP_SERVERS`` names a cluster, that one is used, and nothing is started.
Otherwise the jars that `make kafka` has fetched run in a temporary folder. What has been
acknowledged survives SIGKILL, because it is with the operating system; whether it is on the
disk is not tried here.

Book: 11-kafka
"""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from ..cache import cache
from ..server import (
    HOST,
    LOG,
    Launch,
    Server,
    ServerMissing,
    address,
    found_in,
    free_ports,
    started,
)

VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
VERSION, LOGGING = "4.3.1", "2.25.3"
NAME = f"kafka-{VERSION}"
JAVA_LEAST = 17

HOW_TO_GET_IT = (
    f"no Kafka found: make kafka fetches it; or name a running one in {VARIABLE}=HOST:PORT"
)
NO_JAVA = f"no Java {JAVA_LEAST} or later found: apt-get install default-jre-headless"

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{broker},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
# One broker is one replica.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# Nobody waits for what will not come: other members, other brokers.
group.initial.rebalance.delay.ms=0
group.share.min.heartbeat.interval.ms=50
group.share.heartbeat.interval.ms=50
group.share.assignment.interval.ms=0
group.share.min.assignment.interval.ms=0
# Who is starved for a while must not be taken for one that is gone: a broker would refuse what
# it has stored, and a plain producer send it again. After a kill these are waited for.
group.min.session.timeout.ms=3000
broker.session.timeout.ms=9000
broker.heartbeat.interval.ms=250
"""
LOGGED = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%p %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.ready.name=kafka.server.KafkaRaftServer
logger.ready.level=INFO
"""


def running() -> AbstractContextManager[str]:
    """Yield HOST:PORT of a Kafka: ``KAFKA_BOOTSTRAP_SERVERS``, or one that ends with the block.

    Raises ServerMissing, and ServerFailed with the broker's own words if it does not start.
    """
    return address("Kafka", prepare, variable=VARIABLE)


def restartable() -> AbstractContextManager[Server]:
    """Start a broker that may be killed and started again; it ends with the block.

    Its ports and its data stay the same. Raises what ``running`` does.
    """
    return started("Kafka", prepare)


def prepare(folder: Path) -> Launch:
    """Return how a broker is started in ``folder``. Raises ServerMissing."""
    jars, java = find_jars(), find_java()
    broker, controller = (f"{HOST}:{port}" for port in free_ports(2))
    settings, logged = folder / "server.properties", folder / "log4j2.properties"
    settings.write_text(
        SETTINGS.format(broker=broker, controller=controller, folder=folder.as_posix())
    )
    logged.write_text(LOGGED)
    # A short life on a small machine: the quick compiler, the plain collector.
    program: list[str | Path] = [
        java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
        f"-Dlog4j2.configurationFile={logged}", "-cp", jars / "*",
    ]  # fmt: skip
    storage = ["kafka.tools.StorageTool", "format", "--cluster-id=delivery-semantics-lab"]
    return Launch(
        before=[[*program, *storage, "--config", settings]],
        command=[*program, "kafka.Kafka", settings],
        address=lambda: found_in(folder / LOG, "Kafka Server started") and broker,
    )


def find_jars() -> Path:
    """Return the folder of Kafka's jars. Raises ServerMissing."""
    folder = cache(NAME)
    if not folder.exists():
        raise ServerMissing(HOW_TO_GET_IT)
    return folder


def find_java() -> str:
    """Return the Java of the PATH. Raises ServerMissing if there is none, or an old one."""
    java = shutil.which("java")
    if java is None:
        raise ServerMissing(NO_JAVA)
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version[1]) < JAVA_LEAST:
        raise ServerMissing(NO_JAVA)
    return java
