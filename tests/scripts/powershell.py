"""What can be known of the PowerShell scripts without running them.

Each file of deploy/windows is read by a real parser, and then held against rules: what Windows PowerShell 5.1 has, which
parameters it knows, that every name is defined, that nothing is fetched or run from text, and that the script that only
looks changes nothing. `--break` breaks the scripts in many ways, one after the other, and sees each one found.

Needs tests/requirements.txt and the exporter, whose names and words one script uses: tests/stages/scripts.
"""

import ipaddress
import json
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
    "Get-Service": {"Name"}, "Join-Path": {"Path", "ChildPath"}, "Set-StrictMode": {"Version"}, "Write-Warning": {"Message"},
    # Only to name an assembly of Windows: its other parameters compile.
    "Add-Type": {"AssemblyName"},
}
CHANGING = LOOKING | {
    "Get-CimInstance": {"ClassName"}, "Get-FileHash": {"LiteralPath", "Algorithm"},
    "Get-ChildItem": {"LiteralPath", "Force"}, "Test-Path": {"LiteralPath"}, "Copy-Item": {"LiteralPath", "Destination", "Force"},
    "Move-Item": {"LiteralPath", "Destination"}, "Remove-Item": {"LiteralPath", "Force"}, "Unblock-File": {"LiteralPath"},
    "New-Item": {"ItemType", "Path", "Force"}, "Start-Service": {"Name"}, "Stop-Service": {"Name"},
}
CMDLETS = {"install.ps1": CHANGING, "probe.ps1": LOOKING}
# What a reader at the master and a security team look through before it runs on their servers.
LINES = {"probe.ps1": 200}
# From the list of approved verbs of 5.1.
VERBS = set("Get New Test ConvertTo Expand Stop Read Invoke Confirm Copy Remove Install Update Uninstall".split())
AUTOMATIC = {"_", "null", "true", "false", "matches", "executioncontext", "lastexitcode", "pscmdlet", "erroractionpreference"}
ENVIRONMENT = {"env:programfiles"}
# Members of .NET's own types; all others are keys of the script's own tables.
MEMBERS = set("""
    UtcNow ToString OpenBaseKey OpenSubKey GetValue Close GetValueNames ToUpperInvariant Split GetHostAddresses Exception
    GetBaseException SocketErrorCode AddressFamily ConnectAsync ReceiveAsync Wait Result Buffer Message GetEncoding GetBytes
    GetString Connect Send Length Replace Count Error WriteLine Is64BitProcess PathName Trim TrimEnd StartsWith Contains
    OrdinalIgnoreCase Hash Name ShouldProcess State ParameterSetName SessionState LanguageMode Match Groups Value Success
    TryParse Escape Floor TotalSeconds MachineName NewGuid WriteAllText MoveFile Delete Status StartType Substring IndexOf
""".split())
# Types that fetch, compile or run something.
FORBIDDEN = re.compile(
    r"Invoke-Expression|\biex\b|WebClient|HttpClient|WebRequest|BitsTransfer|https?://|Reflection|EncodedCommand|FromBase64|Start-Process|Invoke-Command",
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
            if command == "Add-Type" and "AssemblyName" not in parameters:
                faults.append(f"{line}: Add-Type compiles what it is given")
            for parameter in parameters:
                if parameter not in CMDLETS[name][command]:
                    faults.append(f"{line}: {command} has no -{parameter} here")
        else:
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
                assigned.update(variable(child) for child in walk(node) if child.type == "variable")
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


def table(source: str, name: str) -> dict[str, str]:
    """A table of the script's own, its keys and values as they are written."""
    found = re.search(rf"^\${name} = @{{(.*?)}}$", source, re.DOTALL | re.MULTILINE)
    return dict(re.findall(r"(\w+) = '?(\w+)'?", found[1])) if found else {}


def lines_of(source: str, name: str) -> list[str]:
    """The strings of a list of the script's own."""
    found = re.search(rf"^\${name} = @\((.*?)^\)$", source, re.DOTALL | re.MULTILINE)
    return re.findall(r"^ *'(.*)'$", found[1], re.MULTILINE) if found else []


def like_the_catalogue(source: str) -> list[str]:
    """The lines of the page have the exporter's names, labels and words, and so have the tables that fill them in."""
    facts = catalogue()
    metrics = {metric["name"]: metric for metric in facts["metrics"]}
    words = lambda section: {word["name"] for word in facts[section]}
    fixed = {"direction": words("directions"), "source": words("port_sources") | words("page_sources"), "version": {facts["version"]}}
    faults = []
    for line in lines_of(source, "PageLines") + lines_of(source, "PortLines"):
        name, inside, value = re.fullmatch(r"(\w+){(.*)} (1|<\w+>)", line).groups()
        labels = re.findall(r'(\w+)="([^"]*)"', inside)
        wanted = metrics.get(name, {"labels": []})["labels"]
        if [label for label, _ in labels] != [label["name"] if isinstance(label, dict) else label for label in wanted]:
            faults.append(f"{name} has the labels {[label for label, _ in labels]} and not the catalogue's {wanted}")
        for label, shown in labels:
            if not shown.startswith("<") and shown not in fixed.get(label, ()):
                faults.append(f"{name}: {shown} is no {label}")
    states = {state["name"]: state["open"] for state in facts["port_states"]}
    is_open = table(source, "IsOpen")
    named = set(re.findall(r"state = '(\w+)'", source)) | set(table(source, "SocketErrors").values())
    faults += [f"{state} is no state of a port" for state in sorted((named | set(is_open)) - set(states))]
    for state in sorted(named & set(states)):
        if {None: None, "1": True, "0": False}[is_open.get(state)] is not states[state]:
            faults.append(f"whether {state} is open is {states[state]} in the catalogue")
    for section, found in [("start_modes", table(source, "StartModes").values()), ("checks", re.findall(r"check = '(\w+)'", source))]:
        faults += [f"{word} is not among the {section}" for word in found if word not in words(section)]
    return faults


def meaning(form: str, written: str):
    """Host, port and instance of an address by the script's pattern; None where it takes it for none."""
    found = re.fullmatch(form.replace("(?<", "(?P<").replace("(?P<!", "(?<!"), written.strip(), re.IGNORECASE)
    if not found:
        return None
    numeric = (found["bare"] or "") + (found["bracketed"] or "")
    try:
        ipaddress.ip_address(numeric or "::")
    except ValueError:
        return None
    ports = [int(port) for port in (found["port"], found["behind"]) if port]
    instance = re.sub("(?i)^MSSQLSERVER$", "", found["instance"] or "") or None
    if len(ports) > 1 or (ports and (instance or not 1 <= ports[0] <= 65535)):
        return None
    return [re.sub(r"(?i)^(\.|\(local\))$", "localhost", numeric + (found["name"] or "")), ports[0] if ports else None, instance]


def addresses(source: str) -> list[str]:
    """Each address of the list means to the script what it means to the exporter, whose test reads the same file."""
    found = re.search(r"^\$AddressForm = (.*?)\n\n", source, re.DOTALL | re.MULTILINE)
    form = "".join(re.findall(r"'([^'\n]*)'", found[1])) if found else ""
    known = json.loads((ROOT / "tests/scripts/addresses.json").read_text())
    return [f"{written!r} is {meaning(form, written)} and not {means}" for written, means in known if meaning(form, written) != means]


def check(name: str, source: str) -> list[str]:
    root = PARSER.parse(source.encode()).root_node
    own = functions(root)
    faults = shape(source.encode(), root) + calls(name, root, own) + names(root)
    length = source.count("\n")
    if length > LINES.get(name, length):
        faults.append(f"it has {length} lines, and {LINES[name]} are the most that it may have")
    return faults + (like_the_catalogue(source) + addresses(source) if name == "probe.ps1" else [])


BREAKS = [
    ("probe.ps1", "function Stop-Look(", "function Stop-Look((", "the parser stumbles"),
    ("probe.ps1", "    $seen\n}", "    $seen\n", "the parser stumbles"),
    ("probe.ps1", "exit 0\n", "$ports ? 1 : 2\n", "the parser stumbles"),
    ("probe.ps1", "exit 0\n", "Set-StrictMode -Version 2.0 && exit 0\n", "is not in 5.1"),
    ("probe.ps1", "exit 0\n", "$look > x.txt\n", "or writes"),
    ("probe.ps1", "exit 0\n", "exit 0\n\n", "are the most that it may have"),
    ("probe.ps1", "Set-StrictMode -Version 2.0\n", "", "strict mode"),
    ("probe.ps1", "'Stop'", "'Continue'", "strict mode and Stop"),
    ("probe.ps1", "#Requires -Version 5.1", "#Requires -Version 7.0", "does not ask for 5.1"),
    ("probe.ps1", "ForEach-Object { Expand-Line $_", "% { Expand-Line $_", "no cmdlet for this script, or an alias"),
    ("probe.ps1", "ForEach-Object { Expand-Line", "ForEach-Object -Parallel { Expand-Line", "has no -Parallel"),
    ("probe.ps1", "{ Expand-Line $_ $look", "{ Expnad-Line $_ $look", "Expnad-Line is no cmdlet"),
    ("probe.ps1", "Expand-Line $_ $look }", "Expand-Line $_ $look 1 }", "takes 2 arguments"),
    ("probe.ps1", "exit 0\n", "Remove-Item -LiteralPath x\n", "Remove-Item is no cmdlet for this script"),
    ("probe.ps1", "exit 0\n", "Invoke-Expression 'x'\n", "fetches or runs something"),
    ("probe.ps1", "Add-Type -AssemblyName Microsoft.VisualBasic", "Add-Type 'class X {}'", "compiles what it is given"),
    ("probe.ps1", "Add-Type -AssemblyName", "Add-Type -TypeDefinition", "has no -TypeDefinition"),
    ("probe.ps1", "[Net.Dns]", "[Net.WebClient]", "fetches or runs something"),
    ("probe.ps1", "found = $port; evidence", "found = $prot; evidence", "$prot is never assigned"),
    ("probe.ps1", "$seen.evidence = ", "$seen.evidence = $seen.evidense + ", "evidense is neither"),
    ("probe.ps1", "function Read-Browser(", "function Suck-Browser(", "Suck-Browser is no approved verb"),
    ("probe.ps1", "msx_target_agent_running{", "msx_target_agent_runs{", "msx_target_agent_runs has the labels"),
    ("probe.ps1", 'node="<node>",source="script"', 'source="script",node="<node>"', "msx_target_page_info has the labels"),
    ("probe.ps1", 'direction="to_master"', 'direction="to_mater"', "to_mater is no direction"),
    ("probe.ps1", 'version="0.1.0"', 'version="0.0.9"', "0.0.9 is no version"),
    ("probe.ps1", "state = 'no_answer'", "state = 'silent'", "silent is no state"),
    ("probe.ps1", "TimedOut = 'filtered'", "TimedOut = 'timeout'", "timeout is no state"),
    ("probe.ps1", "filtered = 0", "filtered = 1", "whether filtered is open"),
    ("probe.ps1", "Manual = 'manual'", "Manual = 'demand'", "demand is not among the start_modes"),
    ("probe.ps1", "check = 'engine'", "check = 'engines'", "engines is not among the checks"),
    ("probe.ps1", "[:,]\\s*(?<port>", ":\\s*(?<port>", "'sql01,14330' is None"),
    ("probe.ps1", "It logs in nowhere", "It logs in n\u00f6where", "not plain ASCII"),
    ("install.ps1", "Test-Path -LiteralPath $Path", "Test-Path -LiteralPaht $Path", "has no -LiteralPaht"),
    ("install.ps1", "Remove-Leftover $Former\n    \"$Program", "rm $Former\n    \"$Program", "rm is no cmdlet"),
    ("install.ps1", "    Copy-Fresh\n", "    & $Source\n", "$Source is no cmdlet"),
    ("install.ps1", "throw $fault\n    }\n    Remove-Leftover", "throw $falut\n    }\n    Remove-Leftover", "$falut is never assigned"),
    ("install.ps1", "$PSCmdlet.ShouldProcess($Program", "$PSCmdlet.ShuoldProcess($Program", "ShuoldProcess is neither"),
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
