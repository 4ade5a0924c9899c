"""Alerts: what needs a person, who owns it and what to do, sent where people look."""
