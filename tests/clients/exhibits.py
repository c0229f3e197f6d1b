"""What the exhibits of `tests/lab/tests/tds/exhibit.rs` hold, as Python reads them."""

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal


def zoned(*fields, minutes):
    return datetime(*fields, tzinfo=timezone(timedelta(minutes=minutes)))


# Each column: its ordinary value and the end of its range. Python's times have six digits, so seven are cut.
TYPES = {
    "bit": (True, False),
    "tinyint": (200, 255),
    "smallint": (-300, -32768),
    "int": (-70000, -(2**31)),
    "bigint": (5_000_000_000, -(2**63)),
    "float": (1.5, -2.5e-300),
    "decimal_5_2": (Decimal("123.45"), Decimal("-999.99")),
    "decimal_19_4": (Decimal("1.0000"), Decimal("-0.0005")),
    "decimal_28_0": (Decimal(7), Decimal(10**28 - 1)),
    "decimal_38_10": (Decimal(0), Decimal("-1234567890123456789012345678.9012345678")),
    "datetime": (datetime(2026, 11, 22, 12, 34, 56, 997000), datetime(1753, 1, 1)),
    "datetime2_0": (datetime(2026, 3, 29, 2, 30), datetime(9999, 12, 31, 23, 59, 59)),
    "datetime2_3": (datetime(2026, 3, 29, 2, 30, 0, 123000), datetime(9999, 12, 31, 23, 59, 59, 999000)),
    "datetime2_7": (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)),
    "datetimeoffset_0": (
        zoned(2026, 1, 1, 0, 15, minutes=330),
        zoned(2026, 12, 31, 23, 15, minutes=-570),
    ),
    "datetimeoffset_7": (
        zoned(2026, 11, 22, 12, 0, 0, 123456, minutes=0),
        zoned(2026, 11, 22, 12, minutes=840),
    ),
    "nvarchar_50": ("Grüße, 世界 🌍", ""),
    "nvarchar_max": ("short", "ä漢" * 10000),
    "varchar_50": ("Zürich €5", ""),
    "varchar_max": ("short", "xyz" * 5000),
    "varbinary_16": (b"\x00\xff\x10", b""),
    "varbinary_max": (b"\x01", (bytes(range(256)) * 36)[:9000]),
    "uniqueidentifier": (
        uuid.UUID("0e984725-c51c-4bf4-9960-e1c80e27aba0"),
        uuid.UUID(int=2**128 - 1),
    ),
}
