"""gRPC: a payments service, a client of it, and two interceptors that make a retry harmless.

Requests and replies are JSON, so nothing has to be generated from a ``.proto`` file; all that
gRPC itself does to a call is the same for any bytes. Within this folder, ``grpc`` is the
library: what is ours is imported with a dot.

Book: 14-grpc
"""

from __future__ import annotations

import os

# gRPC's own log has times in it, and goes where no program of Python can catch it. It is read
# when the library is loaded, which is after this.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
