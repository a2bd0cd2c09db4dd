"""What Kafka's two clients do where nothing is set, asked of themselves.

Book: 11-kafka
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import confluent_kafka

from ..server import ServerMissing
from .server import find_jars, find_java

JAVA_CLASSES = ("consumer.ConsumerConfig", "producer.ProducerConfig")
ALIASES = {"acks": "request.required.acks"}
"""Names that librdkafka takes, and has another one for."""
DOCUMENTED = r'<h4><a id="([^"]+)">.*?<th>Default:</th><td>([^<]*)</td>'


def java_defaults(names: Iterable[str]) -> dict[str, str]:
    """Return the defaults of the Java client, as its configuration classes print them.

    Raises ServerMissing without the jars or Java.
    """
    java, jars = find_java(), find_jars()
    found: dict[str, str] = {}
    for each in JAVA_CLASSES:
        command: list[str | Path] = [
            java,
            "-cp",
            jars / "*",
            f"org.apache.kafka.clients.{each}",
        ]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found |= dict(re.findall(DOCUMENTED, printed, re.DOTALL))
    return {name: found[name] for name in names}


def librdkafka_defaults(names: Iterable[str]) -> dict[str, str]:
    """Return the defaults of librdkafka, as its own dump of a new configuration has them.

    Raises ServerMissing where the wheel of confluent-kafka brings no librdkafka of its own.
    """
    package = Path(confluent_kafka.__file__).parent
    brought = [*package.parent.glob("confluent_kafka.libs/librdkafka*"),
               *package.glob(".dylibs/librdkafka*")]  # fmt: skip
    if not brought:
        raise ServerMissing("no librdkafka found: pip install confluent-kafka brings one")
    library = ctypes.CDLL(str(brought[0]))
    found = _dumped(library, "rd_kafka_topic_conf") | _dumped(library, "rd_kafka_conf")
    return {name: found[ALIASES.get(name, name)] for name in names}


def _dumped(library: ctypes.CDLL, kind: str) -> dict[str, str]:
    """Return what a configuration of this kind holds when it is new: names and values."""
    make, dump = library[f"{kind}_new"], library[f"{kind}_dump"]
    make.restype = ctypes.c_void_p
    dump.restype = ctypes.POINTER(ctypes.c_char_p)
    count = ctypes.c_size_t()
    words = dump(ctypes.c_void_p(make()), ctypes.byref(count))
    text = [(words[at] or b"").decode() for at in range(count.value)]
    return dict(zip(text[::2], text[1::2], strict=True))
