"""What mssql-python reads, through the ODBC driver that it brings: see ask.py for the questions and the form of the answers."""

import base64
import json
import sys

import mssql_python

from .cells import text

mssql_python.pooling(enabled=False)
connections = {}


def connect(encrypt, port, user, password, database, seconds):
    key = (encrypt, port, user, password, database, seconds)
    if key not in connections:
        quoted = "{" + password.replace("}", "}}") + "}"
        connections[key] = mssql_python.connect(
            f"Server=localhost,{port};Database={database};UID={user};PWD={quoted};Encrypt={encrypt};",
            autocommit=True,
            timeout=20,
        )
        connections[key].timeout = int(seconds)
    return connections[key]


def ask(way, batch):
    sets = []
    try:
        with connect(*way).cursor() as cursor:
            cursor.execute(batch, use_prepare=False)
            while True:
                if cursor.description:
                    columns = [[column[0], getattr(column[1], "__name__", str(column[1]))] for column in cursor.description]
                    sets.append({"columns": columns, "rows": [[text(cell) for cell in row] for row in cursor.fetchall()]})
                if not cursor.nextset():
                    return {"sets": sets, "error": ""}
    except Exception as error:
        return {"sets": sets, "error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    *way, batch = line.rstrip("\n").split("\t")
    print(json.dumps(ask(way, base64.b64decode(batch).decode())), flush=True)
