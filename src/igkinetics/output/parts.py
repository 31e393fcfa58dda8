"""Work by parts: one part of a cohort at a time, each written whole, kept over a kill, and done on any worker.

What is finished lies in a folder beside the result to be, `OUT.parts`: of every part a folder, and beside it a mark
with the digests of its files and of all that decides what they hold. A run that finds a part with such a mark, and
files that still have these digests, keeps it; any other part is done again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from igkinetics.errors import InputError, call_error, told_error
from igkinetics.extras import require
from igkinetics.parallel import Progress
from igkinetics.provenance import sha256_of_file

MARK: Final = ".done.json"
UNFINISHED: Final = ".new"
MOST_TRIES: Final = 2
"""Of a part in whose course a worker was lost; one that loses two is reported."""
Do = Callable[[str, Path], None]
"""do(part, folder) writes the part into an empty folder. It goes to other processes, so it is a function of a module
(or a partial of one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part by its name, and a digest of all that decides what its files hold."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a part is not there. kind: "input", "disk", "defect" or "worker"."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of the parts: names in their order; those kept from an earlier run are among the finished."""

    finished: tuple[str, ...]
    kept: tuple[str, ...]
    faults: dict[str, Fault]
    interrupted: bool


def parts_folder(out: Path) -> Path:
    """Where finished parts of a result wait for the others."""
    return out.resolve().with_name(f"{out.resolve().name}.parts")


def key_of(*decisive: Any) -> str:
    """One digest of everything that decides what a part holds, given as what JSON can say."""
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()


def is_finished(folder: Path, part: Part) -> bool:
    """Whether an earlier run left this part, done with the same, and nothing in it has changed."""
    try:
        mark = json.loads((folder / f"{part.name}{MARK}").read_text(encoding="utf-8"))
        return bool(mark["key"] == part.key and mark["files"] == digests_of(folder / part.name))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def digests_of(folder: Path) -> dict[str, str]:
    """Every file of a folder -> its SHA-256."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in files}


def do_part(part: Part, do: Do, folder: Path) -> Fault | None:
    """One part, whole or not at all; what went wrong is returned, for it must not cost the others."""
    filling = folder / f"{part.name}{UNFINISHED}"
    try:
        shutil.rmtree(filling, ignore_errors=True)
        filling.mkdir(parents=True)
        do(part.name, filling)
        mark = folder / f"{part.name}{MARK}"
        mark.unlink(missing_ok=True)
        shutil.rmtree(folder / part.name, ignore_errors=True)
        filling.rename(folder / part.name)
        written = json.dumps({"key": part.key, "files": digests_of(folder / part.name)}, indent=1)
        unfinished = mark.with_suffix(UNFINISHED)
        unfinished.write_text(written, encoding="utf-8")
        os.replace(unfinished, mark)
    except InputError as error:
        return Fault(kind="input", words=str(error))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return Fault(kind="disk", words="no space left on the disk" if full else str(error))
    except Exception as error:  # noqa: BLE001 (told with the part; the run ends with exit status 1)
        return Fault(kind="defect", words=told_error(error))
    finally:
        shutil.rmtree(filling, ignore_errors=True)
    return None


def do_parts(
    parts: Sequence[Part], do: Do, folder: Path, *, jobs: int, cluster: str = "", progress: Progress | None = None
) -> Done:
    """Do every part that is not there yet: in this process (jobs=1), in so many, or on the workers of a Dask cluster,
    which have to see `folder` under the same path. An interrupt ends the work; what is finished stays."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = [part.name for part in parts if is_finished(folder, part)]
    missing = [part for part in parts if part.name not in set(kept)]
    finished, faults, interrupted = list(kept), dict[str, Fault](), False
    try:
        for count, (part, fault) in enumerate(_each_done(missing, do, folder, jobs, cluster), start=len(kept) + 1):
            if fault is None:
                finished.append(part.name)
            else:
                faults[part.name] = fault
            if progress is not None:
                progress(count, len(parts))
    except KeyboardInterrupt:
        interrupted = True
    order = {part.name: place for place, part in enumerate(parts)}
    return Done(
        finished=tuple(sorted(finished, key=order.__getitem__)),
        kept=tuple(kept),
        faults=dict(sorted(faults.items(), key=lambda pair: order[pair[0]])),
        interrupted=interrupted,
    )


def _each_done(
    missing: Sequence[Part], do: Do, folder: Path, jobs: int, cluster: str
) -> Iterable[tuple[Part, Fault | None]]:
    if cluster:
        return _on_cluster(missing, do, folder, cluster)
    if jobs == 1 or len(missing) < 2:
        return ((part, do_part(part, do, folder)) for part in missing)
    return _in_processes(missing, do, folder, min(jobs, len(missing)))


def _in_processes(missing: Sequence[Part], do: Do, folder: Path, jobs: int) -> Iterator[tuple[Part, Fault | None]]:
    """A process that is killed takes the pool with it: the others' parts are done again, each alone from then on, so
    that the part that loses its workers is known."""
    left, alone = {part.name: part for part in missing}, False
    tries = dict.fromkeys(left, 0)
    while left:
        with ProcessPoolExecutor(1 if alone else jobs, mp_context=get_context("spawn")) as pool:
            waiting = {} if alone else {pool.submit(do_part, part, do, folder): part for part in left.values()}
            if alone:
                first = next(iter(left.values()))
                waiting = {pool.submit(do_part, first, do, folder): first}
            try:
                for part, fault in _as_completed(waiting):
                    del left[part.name]
                    yield part, fault
            except BrokenProcessPool:
                if alone:
                    tries[first.name] += 1
                    if tries[first.name] == MOST_TRIES:
                        del left[first.name]
                        yield first, Fault(kind="worker", words=f"{MOST_TRIES} processes were lost with it")
                alone = True
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _as_completed(waiting: dict[Future[Fault | None], Part]) -> Iterator[tuple[Part, Fault | None]]:
    while waiting:
        ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in sorted(ready, key=lambda one: one.exception() is not None):
            yield waiting[future], future.result()
            del waiting[future]


def _on_cluster(missing: Sequence[Part], do: Do, folder: Path, address: str) -> Iterator[tuple[Part, Fault | None]]:
    """On the workers of a Dask cluster: a part whose worker is lost goes to another one."""
    require("cluster")
    from distributed import Client, KilledWorker, as_completed

    try:
        client = Client(address, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise call_error(
            "cluster", address, "must be the address of a running Dask scheduler, tcp://HOST:PORT"
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise call_error("cluster", address, "must have workers: start `dask worker` with this address")
        futures = {client.submit(do_part, part, do, folder, key=f"{part.name}-{part.key}"): part for part in missing}
        for future in as_completed(list(futures)):
            try:
                yield futures[future], future.result()
            except KilledWorker:
                yield futures[future], Fault(kind="worker", words="several workers were lost with it")
            future.release()
