"""Files in which people record decisions, and their way into Git and back by pull request."""
