"""The source of the dashboards: `generate.py`, one folder up, writes the JSON files from it."""
