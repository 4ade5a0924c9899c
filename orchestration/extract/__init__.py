"""Extract: what live systems hold comes into the landing folder, as they say it.

    config.py    `modernization/sources.yaml`: which systems, who owns them, how fresh they must be
    http.py      one HTTP client: rate limits, retries, deadlines, secrets
    landing.py   files and cursor are committed together, so a killed sync loses and repeats nothing
    run.py       one sync of every source that is switched on, and its journal
    <vendor>.py  what to ask this vendor for, and how to ask for all of it

Nothing is computed here: records land as the vendor returns them, and the one loader takes over.
"""
