"""Message delivery that can be run: scripted, simulated, searched and live.

A run is a world plus a choice of what happens next. A script, a seed, every possibility and
reality are four ways of choosing; the participants, the meaning of each step and the trace are
the same in all four.

Book: index
"""

from __future__ import annotations

from .core.audit import AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE, FIFO, Audit, Semantic, audit
from .core.crashes import CrashPoint, Outage
from .core.effects import (
    Ack, Arm, Atomic, Confirm, Disarm, EffectFailed, GiveUp, IsMarked, Load, Mark, Message, Now,
    Once, Participant, Passive, Process, Receive, ReceiveAny, Save, Send, Wait,
)  # fmt: skip
from .core.network import LOST, Faults, Network
from .core.perform import UnboundedRun
from .core.script import script
from .core.simulate import simulate
from .core.steps import Crash, Deliver, Duplicate, Fail, Lose, Restart, Run, Step, Tick, Timeout
from .core.sweep import CellFailed, sweep
from .core.trace import Event, Record, Trace
from .core.vet import ImpureHandler
from .participants.alternating_bit import AlternatingBitReceiver, AlternatingBitSender
from .participants.broker import Broker, Extend, Nack
from .participants.receivers import (
    AckThenProcess, HighWaterMark, MarkThenProcess, ProcessOnce, ProcessOnly, ProcessThenAck,
    ProcessThenMark,
)  # fmt: skip
from .participants.relay import Relay
from .participants.senders import (
    Exponential, FireAndForget, Fixed, FullJitter, RetryUntilAcked, payments,
)  # fmt: skip
from .search.exploration import Bounds, Exploration, Verdict
from .search.explore import explore

__version__ = "0.1.0"

__all__ = [
    "AT_LEAST_ONCE", "AT_MOST_ONCE", "EXACTLY_ONCE", "FIFO", "LOST", "Ack", "AckThenProcess",
    "AlternatingBitReceiver", "AlternatingBitSender", "Arm", "Atomic", "Audit", "Bounds",
    "Broker", "CellFailed", "Confirm", "Crash", "CrashPoint", "Deliver", "Disarm", "Duplicate",
    "EffectFailed", "Event", "Exploration", "Exponential", "Extend", "Fail", "Faults",
    "FireAndForget", "Fixed", "FullJitter", "GiveUp", "HighWaterMark", "ImpureHandler",
    "IsMarked", "Load", "Lose", "Mark", "MarkThenProcess", "Message", "Nack", "Network", "Now",
    "Once", "Outage", "Participant", "Passive", "Process", "ProcessOnce", "ProcessOnly",
    "ProcessThenAck", "ProcessThenMark", "Receive", "ReceiveAny", "Record", "Relay", "Restart",
    "RetryUntilAcked", "Run", "Save", "Semantic", "Send", "Step", "Tick", "Timeout", "Trace",
    "UnboundedRun", "Verdict", "Wait", "audit", "explore", "payments", "script", "simulate",
    "sweep",
]  # fmt: skip
