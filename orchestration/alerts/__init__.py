"""Alerts: what is stale or failed, who owns it and what to do, told where people look.

message.py   what is told, whatever the channel
slack.py, teams.py, mail.py   the same for one channel, within its limits, escaped
webhook.py   one POST to an address that is a secret
channels.py  the channels that are configured, as a Dagster resource
stale.py     which sources are stale, told once an episode and once when it is over
failures.py  what failed in a run
sensors.py   when to tell
"""
