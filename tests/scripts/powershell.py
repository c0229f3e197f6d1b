"""What can be known of the PowerShell scripts without running them.

Each file of deploy/windows is read by a real parser, and then held against rules: what Windows PowerShell 5.1 has, which
parameters it knows, that every name is defined, that nothing is fetched or run from text, and that the script that only
looks changes nothing. `--break` breaks the scripts in many ways, one after the other, and sees each one found.

Needs tests/requirements.txt and the exporter, whose doctor one script follows: tests/stages/scripts.
"""

import re
import sys

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from tests import ROOT
from tests.lib.catalogue import catalogue

FOLDER = ROOT / "deploy/windows"
PARSER = Parser(Language(tree_sitter_powershell.language()))

# Cmdlets of Windows PowerShell 5.1 that the scripts use, with those of their parameters that it knows.
LOOKING = {
    "Where-Object": {"FilterScript"}, "ForEach-Object": {"Process"}, "New-Object": {"TypeName", "ArgumentList"},
    "ConvertTo-Json": {"InputObject", "Depth"}, "Join-Path": {"Path", "ChildPath"}, "Set-StrictMode": {"Version"},
}
CHANGING = LOOKING | {
    "Get-CimInstance": {"ClassName"}, "Get-FileHash": {"LiteralPath", "Algorithm"}, "Get-Service": {"Name"},
    "Get-ChildItem": {"LiteralPath", "Force"}, "Test-Path": {"LiteralPath"}, "Copy-Item": {"LiteralPath", "Destination", "Force"},
    "Move-Item": {"LiteralPath", "Destination"}, "Remove-Item": {"LiteralPath", "Force"}, "Unblock-File": {"LiteralPath"},
    "New-Item": {"ItemType", "Path", "Force"}, "Start-Service": {"Name"}, "Stop-Service": {"Name"}, "Write-Warning": {"Message"},
}
CMDLETS = {"install.ps1": CHANGING, "probe.ps1": LOOKING}
# From the list of approved verbs of 5.1.
VERBS = set("Get New Test ConvertTo Write Resolve Read Format Invoke Confirm Copy Remove Install Update Uninstall".split())
AUTOMATIC = {"_", "null", "true", "false", "matches", "lastexitcode", "pscmdlet", "erroractionpreference"}
ENVIRONMENT = {"env:programfiles"}
# Members of .NET's own types; all others are keys of the script's own tables.
MEMBERS = set("""
    UtcNow ToString InvariantCulture OpenBaseKey OpenSubKey GetValue Close GetValueNames ToUpperInvariant Contains IndexOf
    Substring GetHostAddresses Exception GetBaseException SocketErrorCode AddressFamily BeginConnect AsyncWaitHandle WaitOne
    EndConnect Message ASCII GetBytes GetString Connect Client ReceiveTimeout SendTimeout Send Receive Length Read Parse
    GetStream Write ToByte Replace Count Error WriteLine Is64BitProcess PathName Trim StartsWith OrdinalIgnoreCase Hash Name
    ShouldProcess State ParameterSetName
""".split())
# Types that fetch, compile or run something.
FORBIDDEN = re.compile(
    r"Invoke-Expression|\biex\b|WebClient|HttpClient|WebRequest|BitsTransfer|https?://|Add-Type|Reflection|EncodedCommand|FromBase64|Start-Process|Invoke-Command",
    re.IGNORECASE,
)


def walk(node: Node):
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    return node.text.decode()


def variable(node: Node) -> str:
    return text(node).lstrip("$@").strip("{}").lower()


def shape(source: bytes, root: Node) -> list[str]:
    faults = [f"line {n.start_point[0] + 1}: the parser stumbles" for n in walk(root) if n.type == "ERROR" or n.is_missing]
    lines = source.decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        # Without a mark at its start 5.1 takes a file for one in the code page of the machine.
        if not line.isascii() or "\t" in line:
            faults.append(f"line {number}: not plain ASCII, or a tab")
    code = [line for line in re.sub(rb"<#.*?#>", b"", source, flags=re.DOTALL).decode("utf-8", "replace").splitlines() if line]
    if not code or code[0] != "#Requires -Version 5.1":
        faults.append("it does not ask for 5.1")
    after = source.decode("utf-8", "replace").partition("\n)\n")[2].splitlines()
    if after[:2] != ["Set-StrictMode -Version 2.0", "$ErrorActionPreference = 'Stop'"]:
        faults.append("its first statements are not strict mode and Stop")
    for node in walk(root):
        if node.type == "pipeline_chain_tail" or node.type == "redirection":
            faults.append(f"line {node.start_point[0] + 1}: {text(node)!r} is not in 5.1, or writes")
        if node.type != "comment" and not node.children and FORBIDDEN.search(text(node)):
            faults.append(f"line {node.start_point[0] + 1}: {text(node)!r} fetches or runs something")
    return faults


def functions(root: Node) -> dict[str, list[str]]:
    """The functions with their parameters."""
    found = {}
    for node in walk(root):
        if node.type == "function_statement":
            name = next(text(child) for child in node.children if child.type == "function_name")
            declared = [child for child in node.children if child.type == "function_parameter_declaration"]
            names = [variable(v) for part in declared for p in walk(part) if p.type == "script_parameter" for v in p.children if v.type == "variable"]
            found[name] = names
    return found


def calls(name: str, root: Node, own: dict[str, list[str]]) -> list[str]:
    faults = []
    used = set()
    for function in own:
        verb, dash, noun = function.partition("-")
        if verb not in VERBS or not dash or not re.fullmatch(r"[A-Z][A-Za-z0-9]+", noun):
            faults.append(f"{function} is no approved verb with a noun")
    for node in walk(root):
        if node.type != "command":
            continue
        called = node.child_by_field_name("command_name")
        line = f"line {node.start_point[0] + 1}"
        command = text(called)
        elements = node.child_by_field_name("command_elements")
        parts = elements.children if elements else []
        parameters = [text(part).lstrip("-").rstrip(":") for part in parts if part.type == "command_parameter"]
        arguments = [part for part in parts if part.is_named and part.type not in ("command_parameter", "command_argument_sep")]
        if command in own:
            used.add(command)
            if parameters or len(arguments) > len(own[command]):
                faults.append(f"{line}: {command} takes {len(own[command])} arguments by position")
        elif command in CMDLETS[name]:
            for parameter in parameters:
                if parameter not in CMDLETS[name][command]:
                    faults.append(f"{line}: {command} has no -{parameter} here")
        elif not (command == "$Program" and name == "install.ps1"):
            faults.append(f"{line}: {command} is no cmdlet for this script, or an alias")
    faults += [f"{function} is never called" for function in own if function not in used]
    return faults


def names(root: Node) -> list[str]:
    """Every variable is assigned somewhere, and every member is a key of the script's own or one of .NET's."""
    assigned, keys, faults = set(AUTOMATIC), set(), []
    for node in walk(root):
        if node.type in ("script_parameter", "foreach_statement"):
            assigned.update(variable(child) for child in node.children if child.type == "variable")
        if node.type == "left_assignment_expression":
            first = next(child for child in walk(node) if child.type in ("variable", "member_access", "element_access"))
            if first.type == "variable":
                assigned.add(variable(first))
            if first.type == "member_access":
                keys.update(text(child) for child in first.children if child.type == "member_name")
        if node.type == "key_expression":
            keys.add(text(node).strip("'"))
    for node in walk(root):
        line = f"line {node.start_point[0] + 1}"
        if node.type == "variable" and variable(node) not in assigned | ENVIRONMENT:
            faults.append(f"{line}: ${variable(node)} is never assigned")
        if node.type == "member_name" and text(node) not in keys | MEMBERS:
            faults.append(f"{line}: {text(node)} is neither a key of this script nor a known member")
    return faults


# What the script has in place of the names and figures of a row of the doctor.
HOLES = {r"{host}\{instance}": "$Full", "{port}": "$Port", "{master}": "$($Destination.name)"}


def texts(row: dict):
    """The texts of a row with the names of their fields, those within what is known of it too."""
    for field, value in row.items():
        if isinstance(value, dict):
            yield from texts(value)
        elif isinstance(value, str):
            yield field, value


def like_the_doctor(source: str) -> list[str]:
    """The columns of `msx_exporter doctor`, in their order, and the words of its rows on a target."""
    firewall = catalogue()["firewall"]
    found = re.search(r"\$Heads = @\((.*?)\)", source, re.DOTALL)
    shown = re.findall(r"'([^']+)'", found[1]) if found else []
    faults = [] if firewall["columns"] == shown else [f"the columns are {shown} and the doctor's {firewall['columns']}"]
    for row in firewall["rows"]:
        for field, said in texts(row):
            if re.fullmatch(r"\{\w+\}", said):
                continue
            words = re.sub(r"\{host\}\\\{instance\}|\{\w+\}", lambda hole: HOLES.get(hole[0], hole[0]), said)
            # A number stands there by a name of its own.
            if not words.isdigit() and f"'{words}'" not in source and f'"{words}"' not in source:
                faults.append(f"the doctor's {field} is {words!r}")
    return faults


def check(name: str, source: str) -> list[str]:
    root = PARSER.parse(source.encode()).root_node
    own = functions(root)
    faults = shape(source.encode(), root) + calls(name, root, own) + names(root)
    return faults + (like_the_doctor(source) if name == "probe.ps1" else [])


BREAKS = [
    ("probe.ps1", "function Get-Moment {", "function Get-Moment {{", "the parser stumbles"),
    ("probe.ps1", "    $last\n}", "    $last\n", "the parser stumbles"),
    ("probe.ps1", "if ($closed.Count -gt 0) { exit 2 }", "$closed ? 1 : 2", "the parser stumbles"),
    ("probe.ps1", "exit 0\n", "Set-StrictMode -Version 2.0 && exit 0\n", "is not in 5.1"),
    ("probe.ps1", "exit 0\n", "$request > x.txt\n", "or writes"),
    ("probe.ps1", "Set-StrictMode -Version 2.0\n", "", "strict mode"),
    ("probe.ps1", "'Stop'", "'Continue'", "strict mode and Stop"),
    ("probe.ps1", "#Requires -Version 5.1", "#Requires -Version 7.0", "does not ask for 5.1"),
    ("probe.ps1", "ForEach-Object { Get-Look $_ }", "% { Get-Look $_ }", "no cmdlet for this script, or an alias"),
    ("probe.ps1", "ForEach-Object { Get-Look $_ }", "ForEach-Object -Parallel { Get-Look $_ }", "has no -Parallel"),
    ("probe.ps1", "Get-Moment\n        rows", "Get-Momnet\n        rows", "Get-Momnet is no cmdlet"),
    ("probe.ps1", "Get-Look $_ }", "Get-Look $_ 1 }", "takes 1 arguments"),
    ("probe.ps1", "exit 0\n", "Remove-Item -LiteralPath x\n", "Remove-Item is no cmdlet for this script"),
    ("probe.ps1", "exit 0\n", "Invoke-Expression 'x'\n", "fetches or runs something"),
    ("probe.ps1", "Net.Sockets.UdpClient", "Net.WebClient", "fetches or runs something"),
    ("probe.ps1", "$found.port = [int]$Matches[2]", "$found.port = [int]$Mathces[2]", "$mathces is never assigned"),
    ("probe.ps1", "return @{ port = $port; seen", "return @{ port = $prot; seen", "$prot is never assigned"),
    ("probe.ps1", "$engine.evidence -replace", "$engine.evidense -replace", "evidense is neither"),
    ("probe.ps1", "function Read-Byte(", "function Suck-Byte(", "Suck-Byte is no approved verb"),
    ("probe.ps1", "'need', 'state'", "'state', 'need'", "the columns are"),
    ("probe.ps1", "TLS runs inside TDS'", "TLS runs in TDS'", "the doctor's handling"),
    ("probe.ps1", "sp_msx_enlist takes the same way", "sp_msx_enlist too", "the doctor's justification"),
    ("probe.ps1", "before each connection", "now and then", "the doctor's frequency"),
    ("probe.ps1", "It writes nothing.", "It writes n\u00f6thing.", "not plain ASCII"),
    ("install.ps1", "Test-Path -LiteralPath $Path", "Test-Path -LiteralPaht $Path", "has no -LiteralPaht"),
    ("install.ps1", "Remove-Leftover $Former\n    \"the", "rm $Former\n    \"the", "rm is no cmdlet"),
    ("install.ps1", "& $Program $Words", "& $Source $Words", "$Source is no cmdlet"),
    ("install.ps1", "throw $fault\n    }\n    Remove-Leftover", "throw $falut\n    }\n    Remove-Leftover", "$falut is never assigned"),
    ("install.ps1", "$PSCmdlet.ShouldProcess($ServiceName", "$PSCmdlet.ShuoldProcess($ServiceName", "ShuoldProcess is neither"),
]


def main() -> int:
    sources = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.ps1"))}
    failed = 0
    if sys.argv[1:] == ["--break"]:
        for name, before, after, wanted in BREAKS:
            if before not in sources[name]:
                failed += 1
                print(f"{name} has no {before!r} to break")
                continue
            found = check(name, sources[name].replace(before, after, 1))
            if not any(wanted in fault for fault in found):
                failed += 1
                print(f"{name}: {after!r} is not found: {found}")
        print(f"{len(BREAKS)} ways to break them, {failed} not found")
        return 1 if failed else 0
    if set(sources) != set(CMDLETS):
        print(f"the scripts are {sorted(sources)} and the rules are for {sorted(CMDLETS)}")
        failed += 1
    for name in sorted(set(sources) & set(CMDLETS)):
        for fault in check(name, sources[name]):
            failed += 1
            print(f"deploy/windows/{name}: {fault}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
