"""Writes the next step from what `tables.py` has and the migrated schema has not.

    python -m bot.store.migrations.revise "what it is for"

Read what it wrote before committing it: Alembic does not see triggers, and cannot know what rows should become.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command

from bot.store.migrations import configured, head, upgrade


def revise(words: str) -> None:
    """Add a file to `versions/`."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'empty.db'}"
        upgrade(url)
        with configured(url) as config:
            command.revision(config, words, autogenerate=True, rev_id=f"{int(head()) + 1:04}")


if __name__ == "__main__":
    revise(" ".join(sys.argv[1:]))
