"""The page of incidents draws and tells what the searches found."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.incidents import gallery
from delivery_semantics.experiments.incidents.gallery import VERSIONS
from delivery_semantics.incidents import INCIDENTS

each_incident = pytest.mark.parametrize("name", INCIDENTS)


@each_incident
@pytest.mark.parametrize("version", VERSIONS)
def test_a_view_draws_what_the_search_found(name: str, version: str) -> None:
    view = gallery.incident_view(incident=name, version=version)
    incident, mended = INCIDENTS[name], version == gallery.MENDED
    assert view.numbers["worlds"] == incident.search(mended=mended).worlds
    steps = "none found" if mended else len(incident.verdict(mended=mended).steps)
    assert view.numbers["steps to break it"] == steps


@each_incident
def test_what_is_told_is_what_was_searched(name: str) -> None:
    incident, said = INCIDENTS[name], gallery.told(name)
    assert str(incident.bounds) in said
    assert f"all {incident.search(mended=True).worlds:,} worlds" in said
    for text in incident.change():
        assert text in said


def test_the_table_has_a_row_for_each() -> None:
    rows = gallery.incidents_table()
    assert list(rows.index) == list(INCIDENTS)
    assert set(rows["mended"]) == {"holds"}
    assert set(rows["paid"]) == {0, 20}


def test_an_unknown_choice_is_named() -> None:
    with pytest.raises(ValueError, match="incident is 'none'; allowed: "):
        gallery.incident_view(incident="none", version=gallery.MENDED)
    with pytest.raises(ValueError, match="version is 'none'; allowed: "):
        gallery.incident_view(incident="acks too soon", version="none")
