"""A cell as every reader writes it."""

import datetime
import uuid
from decimal import Decimal


def text(cell):
    if cell is None:
        return None
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, uuid.UUID):
        return str(cell).upper()
    if isinstance(cell, datetime.datetime):
        zone = cell.isoformat()[-6:] if cell.tzinfo else ""
        return f"{cell.year:04}-{cell:%m-%d %H:%M:%S.%f}0 {zone}".rstrip()
    return str(cell)
