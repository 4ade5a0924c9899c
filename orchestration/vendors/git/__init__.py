"""Files that people write beside their code, from Git repositories and folders."""
