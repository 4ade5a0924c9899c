"""Superset for one person on one machine; `start.sh` sets SUPERSET_HOME, which holds its state."""

import os
from pathlib import Path

from superset.config import TALISMAN_CONFIG

HOME = Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = (HOME / "secret_key").read_text(encoding="utf-8").strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"
# A published copy is small and replaced after each run: nothing is kept.
CACHE_CONFIG = DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {
    "CACHE_TYPE": "FileSystemCache",
    "CACHE_DIR": str(HOME / "cache"),
}
FAB_ADD_SECURITY_API = False
# Its pages would load a pixel that counts installations; nothing leaves this machine.
TALISMAN_CONFIG["content_security_policy"]["img-src"] = ["'self'", "blob:", "data:"]
