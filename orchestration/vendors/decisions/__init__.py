"""Where decisions are: a file of a Git repository, and the pull requests that change it."""
