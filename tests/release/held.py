"""What a bundle holds, file by file, archives opened, and which of it a test has used.

What has the bytes of a used file is used too: one file is in several archives.
"""

import hashlib
import subprocess
import tarfile
import zipfile
from pathlib import Path


def opened(archive, folder):
    """Unpacks an archive by what its users have for it. False where the file is none."""
    match "".join(archive.suffixes[-2:]), archive.suffix:
        case (".tar.gz", _) | (_, ".tgz"):
            with tarfile.open(archive) as packed:
                packed.extractall(folder)
        case _, ".zip":
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(folder)
        case _, ".deb":
            subprocess.run(["dpkg-deb", "--extract", archive, folder], check=True)
        case _, ".msi":
            subprocess.run(["msiextract", "--directory", folder, archive], check=True, capture_output=True)
        case _:
            return False
    return True


class Bundle:
    """`files` maps what is in the bundle, archives aside, from its name in it to where it lies unpacked."""

    def __init__(self, folder, scratch):
        self.folder = Path(folder)
        self.files = {}
        self.used = set()
        for path in sorted(self.folder.iterdir()):
            inside = Path(scratch, path.name)
            if not path.name.endswith("-image.tar.gz") and opened(path, inside):
                found = (file for file in sorted(inside.rglob("*")) if file.is_file() and not file.is_symlink())
                self.files |= {f"{path.name}/{file.relative_to(inside)}": file for file in found}
            else:
                self.files[path.name] = path
        self.sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in self.files.items()}

    def archive(self, ending):
        """The archive whose name ends so; None where the bundle has none."""
        return next((path for path in self.folder.iterdir() if path.name.endswith(ending)), None)

    def inside(self, ending):
        """The folder that an archive unpacks, or its top where that holds several; None where there is no such archive."""
        archive = self.archive(ending)
        if not archive:
            return None
        name, path = next((name, path) for name, path in self.files.items() if name.startswith(f"{archive.name}/"))
        parts = name.split("/")[1:]
        top = path.parents[len(parts) - 1]
        return top / parts[0] if len({entry.name for entry in top.iterdir()}) == 1 else top

    def use(self, *paths):
        """Marks files as used; what is below a folder all together."""
        for path in map(Path, paths):
            self.used |= {self.sums[name] for name, file in self.files.items() if file == path or path in file.parents}

    def unused(self):
        return [name for name, total in self.sums.items() if total not in self.used]
