"""Files that people write beside their code, out of Git repositories and folders."""

from orchestration.vendors.git.extractor import Git, GitConfig
from orchestration.vendors.git.settings import Repository

__all__ = ["Git", "GitConfig", "Repository"]
