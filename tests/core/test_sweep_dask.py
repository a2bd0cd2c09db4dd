"""A sweep on Dask: worker processes on the loopback, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from delivery_semantics import CellFailed, sweep
from delivery_semantics.experiments.million_runs.runs import Runs, digest, tally


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Creating scratch directories")  # is slow: on a busy machine
def test_dask_gives_the_same_rows_though_a_worker_is_killed_in_the_middle(
    tmp_path: Path,
) -> None:
    cells = [Runs(200 * number, 200, crash=0.3) for number in range(60)]
    killed: list[int] = []

    def kill(done: int, all: int) -> None:
        if not killed:
            assert done < all
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
        local_directory=str(tmp_path),
    )  # fmt: skip
    with cluster, Client(cluster, set_as_default=False) as client:
        workers = list(client.run(os.getpid).values())
        with client.get_executor(pure=False) as executor:
            rows = sweep(cells, fn=tally, executor=executor, chunk=2, progress=kill)
            with pytest.raises(CellFailed, match="ValueError: probability is 2"):
                sweep([Runs(0, 1, crash=2.0)], fn=tally, executor=executor)
        with client.get_executor() as executor:  # which runs equal calls only once
            same = sweep([cells[0]] * 6, fn=tally, executor=executor)
        client.wait_for_workers(2)
        assert set(killed).isdisjoint(client.run(os.getpid).values())
    assert digest(rows) == digest(map(tally, cells))
    assert same == [tally(cells[0])] * 6
    assert killed == workers[:1]
