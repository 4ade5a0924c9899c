"""Files that people write beside their code, out of Git repositories and folders."""
