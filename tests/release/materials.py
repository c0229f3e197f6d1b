"""Bills of materials follow the schema of CycloneDX and name the libraries that the lock file names.

    python3 -m tests.release.materials FOLDER Cargo.lock
"""

import json
import re
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main() -> int:
    folder, lock = map(Path, sys.argv[1:])
    locked = set(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock.read_text()))
    faults, bills = [], sorted(folder.glob("*.cdx.json"))
    for bill in bills:
        text = bill.read_text()
        fault = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
        if fault:
            faults.append(f"{bill.name}: {fault}")
        read = json.loads(text)
        named = {(part["name"], part["version"]) for part in read["components"]}
        faults += [f"{bill.name}: {part} is not in the lock file" for part in sorted(named - locked)]
        faults += [f"{bill.name}: {name} is missing" for name in ("tokio", "tiberius", "rustls") if name not in {n for n, _ in named}]
        unsure = [part["name"] for part in read["components"] if not part.get("licenses")]
        faults += [f"{bill.name}: {name} has no licence" for name in unsure]
        print(f"{bill.name}: {len(named)} components")
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults or not bills else 0


if __name__ == "__main__":
    sys.exit(main())
