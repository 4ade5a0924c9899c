"""Alerts: what needs a person, who owns it and what to do, sent where people look.

message.py   an alert, and its text for Slack, Teams and mail within their limits
channels.py  the channels that are configured, as a Dagster resource
problems.py  what is wrong now, and what each channel has been sent
"""
