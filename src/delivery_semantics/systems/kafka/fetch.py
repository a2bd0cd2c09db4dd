"""Fetch Kafka's programs from Maven Central: `make kafka`. Jars, no distribution.

Maven checks what it fetches against the checksums of the repository, and a folder has its name
only when all is there.

Book: 11-kafka
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ..cache import cache
from ..server import ServerMissing
from .server import LOGGING, NAME, VERSION, find_java

NO_MAVEN = "no Maven found: apt-get install maven, or see https://maven.apache.org/install.html"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>delivery-semantics</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{kafka}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{logging}</version>
    </dependency>
  </dependencies>
</project>
"""


def fetch() -> Path:
    """Return the folder of Kafka's jars; they are fetched if they are not there yet.

    Raises ServerMissing, in one line, without Maven or Java, and if Maven fails.
    """
    folder = cache(NAME)
    if folder.exists():
        return folder
    find_java()
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerMissing(NO_MAVEN)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        pom, jars = Path(made, "pom.xml"), Path(made, "jars")
        pom.write_text(POM.format(kafka=VERSION, logging=LOGGING))
        done = subprocess.run(
            [maven, "--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never",
             "--file", pom, COPY, f"-DoutputDirectory={jars}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            why = next((line for line in done.stdout.splitlines() if "ERROR" in line), "")
            raise ServerMissing(f"Maven did not fetch {NAME}: {why.removeprefix('[ERROR] ')}")
        jars.rename(folder)
    return folder


def main() -> int:
    """Fetch, and say where; return the exit status."""
    try:
        print(f"Kafka {VERSION} is in {fetch()}")
    except ServerMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
