"""One group commit, the same on both databases: lock and read, claim, decide, write, commit.

The transaction is a generator. A thread drains it in one hop; a simulator steps it and can cut the power between
execute, commit and acknowledge.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import structlog

from bot.store.change import Change, Claim, CommitUnknown, Lost, Refused, Sql, StoreUnavailable, Written
from bot.store.draft import Draft, Rows

#: How often one transaction is run again after a deadlock, a lost connection or a commit proved not to have happened.
TRIES_MAX = 5

Item: TypeAlias = "Change | Claim[Any]"
Answer: TypeAlias = "Written | list[Any] | Exception"
Step: TypeAlias = Literal["executed", "committed"]

P = TypeVar("P")
T = TypeVar("T")

log = structlog.get_logger()


class Trouble(Enum):
    """Why a transaction failed, where nothing in it is to blame."""

    AGAIN = "a deadlock, a lock not had in time or a lost connection"
    DOWN = "no room, no right to write or a damaged file"


class Database(Sql, Rows, Protocol):
    """A writer's connection. After `begin` it is in a transaction until `commit` or `rollback`."""

    def begin(self) -> None:
        """Begin a transaction with a number of its own, on a new connection where there is none."""
        ...

    def commit(self) -> None:
        """Commit, the transaction's number too."""
        ...

    def rollback(self) -> None:
        """Leave the transaction, whatever state it is in. Never raises; a broken connection is dropped."""
        ...

    def committed(self) -> bool | None:
        """After a `commit` that raised: whether it happened, told by the number read back; None if it can't be read."""
        ...

    def judge(self, error: Exception) -> Trouble | Refused:
        """Whether an error is the machine's, or the fault of what was to be written."""
        ...


@dataclass
class Report:
    """What became of each item, in order; an exception is for its caller. `tables` are those written."""

    answers: list[Answer]
    tables: set[str] = field(default_factory=set)
    wrote: bool = False


@dataclass(frozen=True)
class _Failure:
    verdict: Trouble | Refused
    error: Exception


class _PlanLost(Exception):
    """A claimed row's plan guards something that does not hold."""


def batch(database: Database, items: Sequence[Item]) -> Generator[Step, None, Report]:
    """Commit the items in one transaction, claims first.

    What cannot be stored fails alone: a refused batch is halved until the culprit stands by itself.
    """
    report = yield from _transaction(database, partial(_together, items=items), len(items))
    if isinstance(report, Report):
        return report
    if len(items) > 1:
        middle = len(items) // 2
        first = yield from batch(database, items[:middle])
        second = yield from batch(database, items[middle:])
        return Report(first.answers + second.answers, first.tables | second.tables)
    [item] = items
    if not isinstance(item, Change):
        claimed = yield from _transaction(database, partial(_row_by_row, claim=item), 1)
        return claimed if isinstance(claimed, Report) else Report([claimed.error])
    return Report([_refused(report)])


def _transaction(
    database: Database, execute: Callable[[Database], Report], count: int
) -> Generator[Step, None, Report | _Failure]:
    """Run and commit, again where nothing in it is to blame. A failure is returned only if something is refused."""
    for _ in range(TRIES_MAX):
        done = _executed(database, execute)
        if isinstance(done, Report):
            yield "executed"
            stored = _stored(database, done)
            if stored:
                yield "committed"
                return done
            if stored is None:
                return Report([CommitUnknown() for _ in range(count)])
        elif isinstance(done.verdict, Refused):
            return done
        elif done.verdict is Trouble.DOWN:
            break
    return Report([StoreUnavailable("the database cannot be written now; nothing was stored") for _ in range(count)])


def _executed(database: Database, execute: Callable[[Database], Report]) -> Report | _Failure:
    try:
        database.begin()
        return execute(database)
    except Exception as error:  # noqa: BLE001  whatever it is, it is judged, and blamed on one item alone
        database.rollback()
        verdict = database.judge(error)
        if isinstance(verdict, Trouble):
            log.warning("store.batch_failed", why=verdict.value, error=_named(error))
        return _Failure(verdict, error)


def _stored(database: Database, report: Report) -> bool | None:
    if not report.wrote:
        database.rollback()
        return True
    try:
        database.commit()
    except Exception as error:  # noqa: BLE001  whatever COMMIT says, only the database knows if it happened (F-128)
        stored = database.committed()
        log.warning("store.commit_raised", error=_named(error), stored="unknown" if stored is None else stored)
        return stored
    return True


def _together(database: Database, items: Sequence[Item]) -> Report:
    """Rows are locked before anything is claimed: a claim never waits, so whoever waits holds nothing out of order."""
    changes = [item for item in items if isinstance(item, Change)]
    draft = Draft()
    draft.load(database, changes)
    plans = {
        n: [item.plan(row) for row in item.take(database)]
        for n, item in enumerate(items)
        if not isinstance(item, Change)
    }
    planned = [change for plan in plans.values() for _, change in plan]
    if planned:
        # Once more, since claiming has changed rows; a finish with an older fence must see that it has lost.
        draft.load(database, planned + changes)
    answers: list[Answer] = [
        draft.decide(item) if isinstance(item, Change) else [_planned(draft, *one) for one in plans[n]]
        for n, item in enumerate(items)
    ]
    draft.write(database)
    return Report(answers, draft.tables, wrote=bool(draft.tables or planned))


def _planned(draft: Draft, plan: object, change: Change) -> object:
    if isinstance(draft.decide(change), Lost):
        raise _PlanLost
    return plan


def _row_by_row(database: Database, claim: Claim[Any]) -> Report:
    """A claim that failed by itself: every row behind a savepoint, so that poison is pushed back and the rest goes on.

    A row that can't even be pushed back keeps its lease and comes again when that is over; nobody waits behind it.
    """
    report = Report([])
    plans: list[Any] = []
    for row in claim.take(database):
        report.wrote = True
        planned = _tried(database, partial(_write_plan, database, claim, row))
        if planned:
            plans.append(planned[0])
            report.tables |= planned[1]
        else:
            report.tables |= _tried(database, partial(_write_push_back, database, claim, row)) or set()
    report.answers = [plans]
    return report


def _write_plan(database: Database, claim: Claim[P], row: dict[str, Any]) -> tuple[P, set[str]]:
    plan, change = claim.plan(row)
    return plan, _write_alone(database, change)


def _write_push_back(database: Database, claim: Claim[Any], row: dict[str, Any]) -> set[str]:
    return _write_alone(database, claim.push_back(row))


def _tried(database: Database, write: Callable[[], T]) -> T | None:
    """What `write` returns; None when it was refused, and is undone."""
    try:
        with _savepoint(database):
            return write()
    except Exception as error:
        verdict = database.judge(error)
        if isinstance(verdict, Trouble):
            raise
        _tell("store.row_refused", verdict, error)
        return None


def _write_alone(database: Database, change: Change) -> set[str]:
    draft = Draft()
    draft.load(database, [change])
    _planned(draft, None, change)
    draft.write(database)
    return draft.tables


@contextmanager
def _savepoint(database: Database) -> Iterator[None]:
    """What is written inside is undone when an exception leaves it."""
    database.rows("SAVEPOINT one_row")
    try:
        yield
    except Exception:
        database.rows("ROLLBACK TO SAVEPOINT one_row")
        raise
    finally:
        database.rows("RELEASE SAVEPOINT one_row")


def _refused(failure: _Failure) -> Answer:
    match failure.verdict:
        case Refused(constraint) as refused:
            if not constraint:
                _tell("store.change_refused", refused, failure.error)
            return refused
        case Trouble():
            return failure.error


def _tell(event: str, refused: Refused, error: Exception) -> None:
    log.error(event, constraint=refused.constraint, error=_named(error))


def _named(error: Exception) -> str:
    """Kind, code and place of an error. Its message may hold what a customer typed, so it is not logged."""
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None) or ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__} {code}{place}".strip()
