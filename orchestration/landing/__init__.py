"""Native records and the source's new cursor, in one commit.

landing.py  files and cursor are committed together, so a killed sync loses and repeats nothing
packed.py   a compressed file of JSON records
"""

from orchestration.landing.landing import JOURNAL, Landing, StreamReport, last_sync, open_landing

__all__ = ["JOURNAL", "Landing", "StreamReport", "last_sync", "open_landing"]
