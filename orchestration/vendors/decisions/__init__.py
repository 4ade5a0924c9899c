"""Where decisions are: a file in a Git repository, and the pull requests that change it."""
