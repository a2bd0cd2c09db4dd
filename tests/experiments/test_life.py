"""The life of a key is what the store does: a store that does otherwise is drawn otherwise."""

from __future__ import annotations

import golden
import pytest

from delivery_semantics.experiments.stripe import life
from delivery_semantics.experiments.stripe.life import Change, Life, life_of_a_key
from delivery_semantics.experiments.stripe.life_picture import (
    STATES,
    WAYS,
    key_view,
    life_picture,
)
from delivery_semantics.idempotency import Claim, KeyStore, table
from delivery_semantics.show.picture import COLOURS


@pytest.fixture(scope="module")
def seen() -> Life:
    return life_of_a_key()


class NeverSweeps(KeyStore):
    def sweep(self, *, keys_max: int) -> int:
        return 0


class ReleasesUnfenced(KeyStore):
    """Gives a key back, and lets the holder go on."""

    def release(self, claim: Claim, *, to_any_request: bool = False, wait: bool = True) -> None:
        values = (*claim.name, claim.token, claim.row.expires_s)
        self.connections.here().change(
            f"UPDATE idempotency_keys SET lease_until_s = 0 {table.HELD}", values
        )


def test_every_state_is_come_to_and_left(seen: Life) -> None:
    assert {change.source for change in seen.changes} == set(STATES)
    assert {change.target for change in seen.changes} == set(STATES)


def test_who_has_lost_the_key_changes_nothing(
    seen: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen.fenced > 1000
    assert seen.broken == 0
    unfenced = table.ADVANCE.replace("AND token = ?", "AND token >= ?")
    monkeypatch.setattr(table, "ADVANCE", unfenced)
    assert life_of_a_key().broken > 0


def test_a_request_is_told_what_the_rules_say(seen: Life) -> None:
    same = {state: seen.told[state, life.SAME] for state in STATES}
    claimed = ("none", "expired", "released", "broke off")
    assert all(same[state] == {"claimed"} for state in claimed)
    assert same["in use"] == same["taken over"] == {"409"}
    assert (same["finished"], same["in doubt"]) == ({"200"}, {"500"})
    another = {state: seen.told[state, life.ANOTHER] for state in STATES}
    assert another["none"] == another["expired"] == {"claimed"}
    assert another["released"] == {"claimed", "422"}
    begun = ("in use", "taken over", "broke off", "finished", "in doubt")
    assert all(another[state] == {"422"} for state in begun)


@pytest.mark.parametrize("mistake", [RuntimeError, ValueError])
def test_a_mistake_of_the_store_is_not_taken_for_an_answer(mistake: type[Exception]) -> None:
    class Fails(KeyStore):
        def renew(self, claim: Claim) -> bool:
            raise mistake("of the store")

    with pytest.raises(mistake, match="of the store"):
        life_of_a_key(Fails)


def test_smaller_steps_of_the_clock_show_no_other_change(
    seen: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "TICK_S", 0.5)
    assert life_of_a_key().changes == seen.changes


def test_every_arrow_has_a_place_and_every_place_an_arrow(seen: Life) -> None:
    picture = life_picture(seen)
    assert f'fill="{COLOURS["fault"]}"' not in picture.svg
    for source, target in WAYS:
        assert f"From {source}, by" in picture.description
        assert f": {target}." in picture.description
    assert picture.description.count("From ") == len(WAYS)


def test_a_store_that_does_less_has_an_arrow_less(seen: Life) -> None:
    less = life_of_a_key(NeverSweeps)
    assert seen.changes - less.changes == {Change("expired", "sweep", "none")}
    assert "by sweep" in life_picture(seen).description
    assert "by sweep" not in life_picture(less).description


def test_a_store_that_does_what_it_should_not_has_red_arrows() -> None:
    broken = life_of_a_key(ReleasesUnfenced)
    assert Change("released", "finish", "finished") in broken.changes
    picture = life_picture(broken)
    assert "From released, by finish: finished." in picture.description
    assert f'fill="{COLOURS["fault"]}"' in picture.svg


def test_the_life_of_a_key_is_drawn_as_it_was(seen: Life) -> None:
    golden.check("life_of_a_key.svg", f"{life_picture(seen).svg}\n")


def test_from_a_chosen_state_only_its_arrows_are_not_muted(seen: Life) -> None:
    muted = COLOURS["muted"]
    for state in STATES:
        drawn = life_picture(seen, state).svg
        assert f'fill="{COLOURS["fault"]}"' not in drawn
        assert drawn.count(f'Z" fill="{muted}"') < len(WAYS)  # the heads of arrows
        view = key_view(state=state)
        assert view.sentence.startswith(f"From {state}: by ")
    assert life_picture(seen).svg.count(f'Z" fill="{muted}"') == 0
    with pytest.raises(ValueError, match=r"chosen is 'gone'; allowed: .*broke off"):
        life_picture(seen, "gone")
