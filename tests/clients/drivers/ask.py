"""What Microsoft's own drivers read from the exhibits, and from a master of each version with every statement of the product.

Usage: python3 -m tests.clients.drivers.ask <driver> <the line of JSON that the server printed> <command of the reader>...

A reader is a program around one driver. Its one argument is the file with the authority that it trusts, or nothing. It
reads a question a line, seven fields with a tab between them: encryption, port, user, password, database, seconds, and the
batch in base64. It answers a line of JSON, {"sets": [{"columns": [[name, type], …], "rows": [[text or null, …], …]}, …],
"error": the server's number, "timeout", a text, or nothing}, and keeps each connection for the next question.
"""

import base64
import json
import os
import re
import subprocess
import sys
from decimal import Decimal

import pytds

from tests import ROOT

from ..exhibits import TYPES
from .cells import text

DRIVER, PLACES, COMMAND = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
# What each driver calls the encryption that the client asks for.
MODES = {
    "go-mssqldb": {"none": "disable", "optional": "false", "mandatory": "true", "strict": "strict"},
    "mssql-jdbc": {"optional": "false", "mandatory": "true", "strict": "strict"},
    "mssql-python": {"optional": "no", "mandatory": "yes", "strict": "strict"},
}[DRIVER]
# By the server's encryption and the client's: whether the session is encrypted. What is missing here is refused.
SESSIONS = {
    ("none", "none"): False,
    ("none", "optional"): False,
    ("login_only", "none"): False,
    ("login_only", "optional"): False,
    ("login_only", "mandatory"): True,
    ("required", "none"): True,
    ("required", "optional"): True,
    ("required", "mandatory"): True,
    ("strict", "strict"): True,
}
# mssql-python shows types of Python and texts of errors, and names the application itself.
APPLICATION = "MSSQL-Python" if DRIVER == "mssql-python" else "judge"
PYTHON_TYPES = {"bit": "bool", "float": "float", "decimal": "Decimal", "uniqueidentifier": "UUID", "varbinary": "bytes"}
PYTHON_TYPES |= dict.fromkeys(["tinyint", "smallint", "int", "bigint"], "int")
PYTHON_TYPES |= dict.fromkeys(["datetime", "datetime2", "datetimeoffset"], "datetime")
PYTHON_TYPES |= dict.fromkeys(["nvarchar", "varchar"], "str")
ERRORS = [
    ("SELECT nope FROM msdb.dbo.sysjobs", 207, "Invalid column name 'nope'"),
    ("SELECT job_id FROM msdb.dbo.nope", 208, "Invalid object name 'msdb.dbo.nope'"),
    ("SELECT email_address FROM msdb.dbo.sysoperators", 230, "denied on the column 'email_address'"),
    ("SELECT CAST(N'x' AS int) AS n", 245, "Conversion failed"),
    ("SELECT 1 / 0 AS n", 8134, "Divide by zero"),
    ("SELECT name FROM msdb.dbo.syscategories", 601, "(601)"),
    ("SELECT name FROM msdb.sys.objects", 1205, "(1205)"),
    ("SET LOCK_TIMEOUT 100; SELECT name FROM msdb.dbo.sysjobs", 1222, "Lock request time out"),
]
SQL = [*ROOT.glob("exporter/src/collectors/*.sql"), *ROOT.glob("exporter/src/sqlserver/sql/*.sql")]
passed = failed = 0


def check(name, got, expected):
    global passed, failed
    if got == expected:
        passed += 1
        print(f"ok    {DRIVER}: {name}")
    else:
        failed += 1
        print(f"FAIL  {DRIVER}: {name}: {got!r:.300}, expected {expected!r:.300}")


class Reader:
    """A driver that trusts one authority, or those of the system."""

    def __init__(self, trust):
        environment = os.environ | {"PYTHONUTF8": "1"} | ({"SSL_CERT_FILE": trust} if trust else {})
        pipe = subprocess.PIPE
        self.program = subprocess.Popen([*COMMAND, trust], stdin=pipe, stdout=pipe, encoding="utf-8", env=environment)

    def ask(self, mode, port, batch, user=PLACES["user"], password=PLACES["password"], database="msdb", seconds=60):
        # go-mssqldb takes one word for the name of a procedure, and looks for a blank.
        way = [MODES[mode], port, user, password, database, seconds, base64.b64encode(f" {batch}".encode()).decode()]
        self.program.stdin.write("\t".join(map(str, way)) + "\n")
        self.program.stdin.flush()
        answer = json.loads(self.program.stdout.readline())
        return answer["sets"], answer["error"]

    def ask_master(self, port, batch, **options):
        return self.ask("optional", port, batch, PLACES["lab_user"], PLACES["lab_password"], "master", **options)

    def close(self):
        self.program.stdin.close()
        self.program.wait(timeout=20)


def judge_error(name, got, number, fragment):
    check(name, got if DRIVER != "mssql-python" else fragment in got, str(number) if DRIVER != "mssql-python" else True)


def type_of(kind):
    kind = re.match("[a-z0-9]+?(?=_|$|\\()", kind.lower())[0]
    return PYTHON_TYPES[kind] if DRIVER == "mssql-python" else kind


def cut(cell, kind):
    """Python's times have six digits, and a number is written in more than one way."""
    if cell is None:
        return None
    if kind.startswith("datetime"):
        return cell[:26] + cell[27:]
    return {"float": float, "decimal": Decimal}.get(kind.partition("_")[0], str)(cell)


def judge_types(sets, place):
    names = [(name, kind) for kind in TYPES for name in (kind, f"{kind}_null")]
    check(f"{place}: columns", sets[0]["columns"], [[name, type_of(kind)] for name, kind in names])
    for at, (name, kind) in enumerate(names):
        ordinary, extreme = (text(cell) for cell in TYPES[kind])
        wanted = [ordinary, extreme, None if name.endswith("_null") else ordinary]
        got = [row[at] for row in sets[0]["rows"]]
        check(f"{place}: {name}", [cut(cell, kind) for cell in got], [cut(cell, kind) for cell in wanted])


def judge_exhibits(reader, server, mode):
    port, place = PLACES[server], f"{mode} on {server}"
    judge_types(reader.ask(mode, port, "types")[0], place)
    sets, error = reader.ask(mode, port, "sets")
    check(f"{place}: several sets", [[one["rows"] for one in sets], error], [[[["1"]], [], [["three"]]], ""])
    sets, _ = reader.ask(mode, port, "rows 5000")
    check(f"{place}: 5000 rows", sets[0]["rows"], [[str(n), f"TARGET-{n:06}\\PAYROLL"] for n in range(5000)])
    for batch, number, fragment in [("denied", 229, "SELECT permission was denied"), ("nonsense", 102, "Incorrect syntax")]:
        judge_error(f"{place}: error {number}", reader.ask(mode, port, batch)[1], number, fragment)
    if DRIVER != "mssql-python":
        # It has no way to cancel while rows come.
        sets, error = reader.ask(mode, port, "wait", seconds=2)
        check(f"{place}: a wait is given up", [len(sets[0]["rows"]), error], [3, "timeout"])
    sets, error = reader.ask(mode, port, "rows 1")
    check(f"{place}: the next batch", [len(sets[0]["rows"]), error], [1, ""])
    _, error = reader.ask(mode, port, "rows 1", password="wrong")
    judge_error(f"{place}: wrong password", error, 18456, "Login failed for user 'sa'")


def judge_sessions(reader):
    for server in ["none", "login_only", "required", "strict"]:
        for mode in MODES:
            sets, error = reader.ask(mode, PLACES[server], "session")
            encrypted = SESSIONS.get((server, mode))
            if encrypted is None:
                check(f"{mode} on {server}: refused", [sets, bool(error)], [[], True])
            else:
                check(f"{mode} on {server}: session", sets[0]["rows"], [[f"sa|msdb|{APPLICATION}|{str(encrypted).lower()}"]])
                judge_exhibits(reader, server, mode)
    stranger = Reader("")
    for server, mode in [("login_only", "mandatory"), ("required", "mandatory"), ("strict", "strict")]:
        sets, error = stranger.ask(mode, PLACES[server], "session")
        refused = re.search("certificate|certification path", error) is not None
        check(f"{mode} on {server}: an authority that is not trusted", [sets, refused], [[], True])
    stranger.close()


def statements(version):
    """Each statement of the product with its name, those of a session first."""
    files = sorted(SQL, key=lambda path: (path.stem != "session", path.stem))
    return [(path.stem, path.read_text()) for path in files if path.stem != "timezone" or version >= 2022]


def judge_masters(reader):
    for version, port in PLACES["masters"].items():
        place = ("127.0.0.1", "master", PLACES["lab_user"], PLACES["lab_password"])
        with pytds.connect(*place, port=port, autocommit=True) as reference, reference.cursor() as cursor:
            for name, batch in statements(int(version)):
                sets, error = reader.ask_master(port, batch)
                cursor.execute(batch)
                if name == "session":
                    check(f"{version} {name}", [sets, error], [[], ""])
                    continue
                wanted = [[text(cell) for cell in row] for row in cursor.fetchall()]
                columns = re.findall(r"(?s)(?:SELECT(?: TOP \(\d+\))?|,\n) +CAST\(.*? AS (\w+)(?:\(\w+\))?\) AS \[?([\w:]+)", batch)
                check(f"{version} {name}: columns", sets[0]["columns"], [[of, type_of(kind)] for kind, of in columns])
                cells = [[cut(cell, kind) for cell, (kind, _) in zip(row, columns)] for row in sets[0]["rows"]]
                wanted = [[cut(cell, kind) for cell, (kind, _) in zip(row, columns)] for row in wanted]
                check(f"{version} {name}: rows", [cells, error], [wanted, ""])


def judge_errors(reader):
    for batch, number, fragment in ERRORS:
        judge_error(f"error {number}", reader.ask_master(PLACES["broken"], batch)[1], number, fragment)
    _, error = reader.ask("optional", PLACES["broken"], "SELECT 1", PLACES["lab_user"], PLACES["lab_password"], "nope")
    judge_error("error 4060", error, 4060, "Cannot open database \"nope\"")
    locked = "SET LOCK_TIMEOUT -1; SELECT name FROM msdb.dbo.sysjobs"
    _, error = reader.ask_master(PLACES["broken"], locked, seconds=2)
    judge_error("a lock is given up", error, "timeout", "timeout")
    sets, error = reader.ask_master(PLACES["broken"], "SELECT 1 AS n", seconds=2)
    check("the next batch after a lock", [sets and sets[0]["rows"], error], [[["1"]], ""])


trusting = Reader(PLACES["ca"])
judge_sessions(trusting)
judge_masters(trusting)
judge_errors(trusting)
trusting.close()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
