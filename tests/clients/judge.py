"""What python-tds reads from the exhibits.

Usage: python3 -m tests.clients.judge <the line of JSON that the server printed>
"""

import json
import sys
import time
from datetime import datetime

import pytds
from pytds.instance_browser_client import tds7_get_instances

from .exhibits import TYPES

PLACES = json.loads(sys.argv[1])
passed = failed = 0


def check(name, got, expected):
    global passed, failed
    # 1 == True == 1.0 in Python; a bit that arrives as an int must not pass.
    if got == expected and type(got) is type(expected):
        passed += 1
        print(f"ok    python-tds: {name}")
    else:
        failed += 1
        print(f"FAIL  python-tds: {name}: {got!r:.200}, expected {expected!r:.200}")


def connect(place, password=None, host="localhost", **options):
    return pytds.connect(
        host,
        "msdb",
        PLACES["user"],
        PLACES["password"] if password is None else password,
        port=options.pop("port", PLACES.get(place)),
        appname="judge",
        autocommit=True,
        login_timeout=20,
        disable_connect_retry=True,
        **options,
    )


def refusal(action):
    """The number of the server's error, or the name of any other."""
    try:
        action()
    except pytds.Error as error:
        return getattr(error, "msg_no", None) or type(error).__name__
    return "no error"


def judge_types(connection, place):
    with connection.cursor() as cursor:
        cursor.execute("types")
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    wanted = [name for base in TYPES for name in (base, f"{base}_null")]
    check(f"{place}: names of the columns", names, wanted)
    check(f"{place}: number of rows", len(rows), 3)
    for at, (name, column) in enumerate(zip(names, zip(*rows))):
        ordinary, extreme = TYPES[name.removesuffix("_null")]
        third = None if name.endswith("_null") else ordinary
        for row, (got, expected) in enumerate(zip(column, (ordinary, extreme, third))):
            if isinstance(expected, datetime) and expected.tzinfo:
                # The offset itself must arrive, not only the instant.
                check(f"{place}: offset of {name}[{row}]", got.utcoffset(), expected.utcoffset())
                got = got.astimezone(expected.tzinfo)
            check(f"{place}: {name}[{row}]", got, expected)


def judge_answers(connection, place):
    with connection.cursor() as cursor:
        cursor.execute("sets")
        sets = [cursor.fetchall()]
        while cursor.nextset():
            sets.append(cursor.fetchall())
        check(f"{place}: several sets", sets, [[(1,)], [], [("three",)]])
        cursor.execute("rows 5000")
        rows = cursor.fetchall()
        wanted = [(n, f"TARGET-{n:06}\\PAYROLL") for n in range(5000)]
        check(f"{place}: 5000 rows", rows, wanted)

        def denied():
            cursor.execute("denied")
            while cursor.nextset() is not None:
                cursor.fetchall()

        check(f"{place}: error 229", refusal(denied), 229)
    with connection.cursor() as cursor:
        check(f"{place}: unknown statement", refusal(lambda: cursor.execute("nonsense")), 102)
    with connection.cursor() as cursor:
        cursor.execute("echo %s, %s, %s", ("it's", -5, None))
        check(f"{place}: parameters", cursor.fetchone()[0], "N'it''s', (-5), NULL")
        check(f"{place}: procedure that is not there", refusal(lambda: cursor.callproc("sp_help", ("x",))), 2812)
    with connection.cursor() as cursor:
        cursor.execute("rows 1")
        check(f"{place}: the connection lives on", cursor.fetchall(), [(0, "TARGET-000000\\PAYROLL")])


def judge_cancel(connection, name):
    """An attention while the server waits for five minutes."""
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("wait")
        check(f"{name}: rows before a wait", len(cursor.fetchall()), 3)
        cursor.cancel()
    with connection.cursor() as cursor:
        cursor.execute("rows 7")
        check(f"{name}: the connection lives on after an attention", len(cursor.fetchall()), 7)
    check(f"{name}: the wait was given up in time", time.monotonic() - began < 30, True)


def tls_of(client):
    return {
        "plain": {},
        "login_only": {"cafile": PLACES["ca"], "enc_login_only": True},
        "full": {"cafile": PLACES["ca"]},
    }[client]


# Name of the check, server, client's encryption, whether the session is encrypted.
LOGINS = [
    ("plain on none", "none", "plain", False),
    ("plain on optional", "login_only", "plain", False),
    ("login-only", "login_only", "login_only", False),
    ("full on optional", "login_only", "full", True),
    ("full on required", "required", "full", True),
]

for name, server, client, encrypted in LOGINS:
    with connect(server, **tls_of(client)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("session")
            reported = cursor.fetchone()[0]
        check(f"{name}: session", reported, f"sa|msdb|judge|{str(encrypted).lower()}")
        judge_types(connection, name)
        judge_answers(connection, name)
        judge_cancel(connection, name)
    check(
        f"{name}: wrong password",
        refusal(lambda: connect(server, password="wrong", **tls_of(client))),
        18456,
    )

instances = tds7_get_instances("127.0.0.94")
check("browser: instances", sorted(instances), ["OTHER", "PAYROLL"])
check("browser: port", instances["PAYROLL"]["tcp"], str(PLACES["instance"]))
with connect("instance", host="127.0.0.94\\PAYROLL", port=None) as connection:
    judge_answers(connection, "named instance")

print(f"{passed} passed, {failed} failed")
if __name__ == "__main__":
    sys.exit(1 if failed else 0)
