"""One of the five processes, carried from step to step by a thread, and started when it dies.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...live.standing import Standing
from .processes import FAILED, REPLIED, REST

TIMEOUT_S = 60.0
GOES_ON, KILLED, PAUSED = "", "killed", "paused"

Start = Callable[[], Standing]


class Actor:
    """A process that is at rest until it is woken, and then goes on until it rests again.

    ``meet(name, step)`` is asked at each step, and says what becomes of it: "", "killed" or
    "paused". A killed one is started again; so is a second one where the first is paused.
    ``steps`` are those since they were last cleared, ``failures`` how often it has had to try
    again. Used as a context manager.
    """

    def __init__(self, name: str, start: Start, meet: Callable[[str, str], str]) -> None:
        self.name, self.steps, self.failures = name, list[str](), 0
        self._start, self._meet = start, meet
        self._wake, self._rests = threading.Event(), threading.Event()
        self._rests.set()
        self._zombie: tuple[Standing, str] | None = None
        self._failure: BaseException | None = None
        self._closing = False
        self.process = start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Let it go on."""
        self._rests.clear()
        self._wake.set()

    def rest(self) -> None:
        """Wait until it rests. Raises what has gone wrong with it, and TimeoutError."""
        if not self._rests.wait(TIMEOUT_S):
            raise TimeoutError(f"{self.name} does not rest; its last steps: {self.steps[-5:]}")
        if self._failure:
            raise self._failure

    @property
    def has_zombie(self) -> bool:
        """Whether a paused process waits to come back."""
        return self._zombie is not None

    def awaken_zombie(self, tell: Callable[[str, str], object]) -> bool:
        """Let the paused process run to its rest, and end it; False if there is none.

        ``tell(name, step)`` is called before each step.
        """
        if self._zombie is None:
            return False
        (zombie, step), self._zombie = self._zombie, None
        zombie.resume()
        while step not in (REST, REPLIED):
            tell(self.name, step)
            step = str(zombie.next())
        zombie.kill()
        return True

    def __enter__(self) -> Actor:
        return self

    def __exit__(self, *error: object) -> None:
        self._closing = True
        self._wake.set()
        self._thread.join(1.0)
        self.process.kill()
        if self._zombie:
            self._zombie[0].kill()

    def _run(self) -> None:
        try:
            while True:
                self._wake.wait()
                self._wake.clear()
                if self._closing:
                    return
                self._go_on()
                self._rests.set()
        except BaseException as error:
            self._failure = error
            self._rests.set()

    def _go_on(self) -> None:
        """Go from step to step until it rests; a service does so when it has been killed."""
        while not self._closing:
            step = str(self.process.next())
            if step == REST:
                return
            if step.startswith(FAILED):
                self.failures += 1
                continue
            self.steps.append(step)
            fate = self._meet(self.name, step)
            if fate == KILLED:
                self.process.kill()
            elif fate == PAUSED:
                self.process.pause()
                self._zombie = self.process, step
            if fate:
                self.process = self._start()
            if step == REPLIED or (fate and self.serves):
                return

    @property
    def serves(self) -> bool:
        """Whether it answers others, who ask again, and does nothing of its own accord."""
        return hasattr(self.process, "url")
