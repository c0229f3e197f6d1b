"""How JSON is written that people load from this repository, and read when it changes."""

import json

WIDTH = 140


def layout(value, depth=0, room=WIDTH):
    """JSON in which what fits into a line stands on one, so that a change shows as few lines as it has."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= room or not isinstance(value, (dict, list)) or not value:
        return line
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        keys = [json.dumps(key, ensure_ascii=False) + ": " for key in value]
        opening, closing = "{", "}"
    else:
        keys, opening, closing = [""] * len(value), "[", "]"
    values = value.values() if isinstance(value, dict) else value
    # The comma behind it takes a place too.
    items = [key + layout(item, depth + 1, WIDTH - len(inner) - len(key) - 1) for key, item in zip(keys, values)]
    return f"{opening}\n{inner}" + f",\n{inner}".join(items) + f"\n{outer}{closing}"
