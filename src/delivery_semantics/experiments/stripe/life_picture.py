"""The life of a key, drawn: the arrows are what was seen, and only their places are given.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from functools import cache

from ...show.picture import Picture
from ...show.state_chart import StateBox, StateFrame, Track, state_chart
from ...show.view import View
from .life import ANOTHER, EXPIRED, EXPIRES, LEASE_ENDS, SAME, Change, Life, life_of_a_key

WORDS = {
    "phase, recover_at": "renew",  # it sets the lease anew
    "phase, finish": "finish",
    "finish in doubt": "in doubt",
    "release to any request": "release",
    "settle with an answer": "settle",
    "settle to go on": "settle",
    ANOTHER: SAME,
}
"""What two calls that do the same to a key are called on paper."""

STATES = {
    "released": StateBox((30, 58, 112, 84), "muted"),
    "none": StateBox((136, 58, 192, 84), "muted"),
    "expired": StateBox((268, 58, 350, 84), "muted"),
    "broke off": StateBox((30, 206, 112, 302), "fault"),
    "in use": StateBox((242, 210, 346, 236), "message"),
    "taken over": StateBox((242, 276, 346, 302), "message"),
    "in doubt": StateBox((36, 416, 114, 442), "fault"),
    "finished": StateBox((232, 416, 316, 442), "good"),
}
FRAMES = {
    "free": StateFrame((18, 28, 362, 92), ("released", "none", "expired"), (42, 48)),
    "begun": StateFrame((22, 166, 358, 322), ("broke off", "in use", "taken over"), (170, 186)),
    "held": StateFrame((234, 192, 352, 312), ("in use", "taken over"), (294, 261)),
    "answered": StateFrame((22, 398, 358, 470), ("in doubt", "finished"), (175, 462)),
}
WAYS = {
    ("released", "expired"): Track(((71, 58), (71, 43), (308, 43), (308, 58)), (190, 48)),
    ("expired", "none"): Track(((268, 71), (192, 71)), (230, 66)),
    ("free", "in use"): Track(((252, 92), (252, 210)), (252, 147)),
    ("begun", "released"): Track(((96, 166), (96, 84)), (96, 122)),
    ("broke off", "released"): Track(((52, 206), (52, 84)), (52, 147)),
    ("begun", "expired"): Track(((296, 166), (296, 84)), (296, 122)),
    ("expired", "held"): Track(((338, 84), (338, 192)), (338, 147)),
    ("held", "broke off"): Track(((234, 223), (112, 223)), (173, 218)),
    ("broke off", "held"): Track(((112, 256), (234, 256)), (173, 251)),
    ("broke off", "taken over"): Track(((112, 289), (242, 289)), (173, 284)),
    ("begun", "in doubt"): Track(((60, 322), (60, 416)), (60, 353)),
    ("broke off", "finished"): Track(
        ((104, 302), (104, 366), (250, 366), (250, 416)), (177, 371)
    ),
    ("begun", "finished"): Track(((294, 322), (294, 416)), (294, 353)),
    ("in doubt", "finished"): Track(((114, 429), (232, 429)), (173, 424)),
    ("in doubt", "released"): Track(((36, 429), (8, 429), (8, 71), (30, 71)), (32, 388)),
    ("answered", "expired"): Track(((358, 429), (372, 429), (372, 71), (350, 71)), (338, 388)),
}
"""Where boxes, frames and arrows stand on 380 units, which a telephone shows legibly."""

ASKED = {"the same request": SAME, "another request": ANOTHER}
"""Who may come with the key."""


@cache
def life() -> Life:
    """Walk once."""
    return life_of_a_key()


def life_picture(seen: Life | None = None, chosen: str = "") -> Picture:
    """Draw the states of a key, and every change of them that was seen.

    Those from a ``chosen`` state stand out.
    """
    found = seen or life()
    return state_chart(
        {_on_paper(change) for change in found.changes},
        states=STATES, frames=FRAMES, ways=WAYS, dashed=(EXPIRES, LEASE_ENDS),
        chosen=chosen, title=f"The life of a key, as seen in {found.situations} situations",
    )  # fmt: skip


def _on_paper(change: Change) -> tuple[str, str, str]:
    # A hold that outlasts its key ends in nothing but the key's end, however it ends.
    words = EXPIRES if change.target == EXPIRED else WORDS.get(change.call, change.call)
    return change.source, words, change.target


def key_view(*, state: str, seed: int = 1) -> View:
    """Show where a key goes from a state, and what requests with it are told there."""
    found = life()
    ways = sorted({(words, to) for one in found.changes if one.source == state
                   for _, words, to in [_on_paper(one)]})  # fmt: skip
    leads = "; ".join(f"by {words}, {to}" for words, to in ways)
    return View(
        life_picture(chosen=state),
        {name: _told(found, state, call) for name, call in ASKED.items()},
        f"From {state}: {leads}.",
    )


def _told(found: Life, state: str, call: str) -> str:
    return " or ".join(sorted(found.told[state, call]))
