#Requires -Version 5.1
<#
.SYNOPSIS
Looks from a target (TSX) at the way to its master (MSX), and prints what it saw or writes it down as a page of that target.
.DESCRIPTION
Reads the registry of SQL Server on this machine and the state of its services, resolves the master's name, opens and closes
one TCP connection to its engine, and asks SQL Browser where the master is HOST\INSTANCE. It logs in nowhere, looks at no
certificate and writes nothing but -OutputFile. What this account may not see is left out: unknown, never "stopped".
Exit codes: 0 fine, 1 it failed, 2 a required port is not open, 3 a required port could not be looked at, 64 wrong usage.
.EXAMPLE
powershell.exe -NoProfile -File probe.ps1 -LocalName SQL01 -OutputFile \\PAGES\msx\SQL01\NODE1.prom -IntervalSeconds 600
#>
[CmdletBinding()]
param(
    # HOST, HOST:PORT, HOST,PORT or HOST\INSTANCE. Without it, what the registry of the instance names (MSXServerName).
    [string]$MasterAddress = '',
    # The name of this target as enlisted. Without it, the one instance that the registry calls a target.
    [string]$LocalName = '',
    # The absolute path of the page, where `target_pages.files` of the exporter next to the master finds it.
    [string]$OutputFile = '',
    # How often the scheduled task writes the page: by it the page is fresh or not.
    [ValidateRange(0, 86400)] [int]$IntervalSeconds = 0,
    # How long each attempt may take.
    [ValidateRange(1, 60)] [int]$TimeoutSeconds = 3
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
if ("$($ExecutionContext.SessionState.LanguageMode)" -ne 'FullLanguage') {
    Write-Warning -Message 'a policy keeps this script in Constrained Language, where no port can be tried: allow its path, or sign it'
    exit 1
}
# The page. A line with a <hole> of which nothing is known is left out.
$PageLines = @(
    'msx_target_page_timestamp_seconds{target="<target>"} <now>'
    'msx_target_page_interval_seconds{target="<target>"} <interval>'
    'msx_target_page_info{target="<target>",node="<node>",source="script",version="0.1.0"} 1'
    'msx_target_instance_running{target="<target>"} <instance_running>'
    'msx_target_agent_running{target="<target>"} <agent_running>'
    'msx_target_agent_start_mode_info{target="<target>",mode="<agent_mode>"} 1'
    'msx_target_master_info{target="<target>",master="<enlisted_to>"} 1'
    'msx_target_encrypt_channel_option{target="<target>"} <option>'
)
$PortLines = @(
    'msx_port_open{target="<target>",check="<check>",direction="to_master",master="<master>"} <open>'
    'msx_port_required{target="<target>",check="<check>",direction="to_master",master="<master>"} 1'
    'msx_port_state{target="<target>",check="<check>",direction="to_master",master="<master>",state="<state>"} 1'
    'msx_port_check_timestamp_seconds{target="<target>",check="<check>",direction="to_master",master="<master>"} <now>'
    'msx_port_info{target="<target>",check="<check>",direction="to_master",master="<master>",port="<port>",protocol="<protocol>",source="<source>"} 1'
)
$IsOpen = @{ open = 1; wrong_protocol = 1; refused = 0; filtered = 0; unreachable = 0; unresolved = 0 }
$IsRunning = @{ Running = 1; Paused = 1; Stopped = 0 }
$StartModes = @{ Automatic = 'automatic'; Manual = 'manual'; Disabled = 'disabled' }
$SocketErrors = @{
    ConnectionRefused = 'refused'; ConnectionReset = 'refused'; TimedOut = 'filtered'; HostUnreachable = 'unreachable'
    NetworkUnreachable = 'unreachable'; NetworkDown = 'unreachable'; AccessDenied = 'unreachable'
}
$AddressForm = '^(?!(?:np|lpc|admin):)(?:tcp:(?!:)\s*)?(?:(?<bare>[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*)|' +
    '(?:\[(?<bracketed>[0-9a-f:.]+)\]|(?<name>\.|\(local\)|(?![-.])(?![^\\:,]*\.\.)[\w.-]{1,255})\s*)' +
    '(?:[:,]\s*(?<port>[0-9]{1,5}))?)\s*(?:\\(?<instance>[^\W\d][\w$#]{0,15})\s*(?:[:,]\s*(?<behind>[0-9]{1,5}))?)?$'

function Stop-Look([int]$Code, [string]$Text) {
    [Console]::Error.WriteLine($Text)
    exit $Code
}

# The parts of an address; nothing where it is none.
function ConvertTo-Address([string]$Text) {
    $found = [regex]::Match($Text.Trim(), $AddressForm, 'IgnoreCase, CultureInvariant')
    $numeric = $found.Groups['bare'].Value + $found.Groups['bracketed'].Value
    if (-not $found.Success -or ($numeric -ne '' -and -not [Net.IPAddress]::TryParse($numeric, [ref]$null))) { return }
    $ports = @($found.Groups['port'].Value, $found.Groups['behind'].Value | Where-Object { $_ -ne '' } | ForEach-Object { [int]$_ })
    $instance = $found.Groups['instance'].Value -replace '^MSSQLSERVER$', ''
    if ($ports.Count -gt 1 -or ($ports.Count -eq 1 -and ($instance -ne '' -or $ports[0] -lt 1 -or $ports[0] -gt 65535))) { return }
    $name = ($numeric + $found.Groups['name'].Value) -replace '^(\.|\(local\))$', 'localhost'
    @{ host = $name; port = ($ports + 0)[0]; instance = $instance }
}

# A value below the key of SQL Server; nothing where there is none.
function Get-RegistryValue([string]$Key, [string]$Name) {
    $opened = $Root.OpenSubKey($Key)
    if ($null -ne $opened) { $opened.GetValue($Name) }
}

# Each instance of this machine, with what its Agent knows of a master.
function Get-Enlistment {
    foreach ($instance in $Root.OpenSubKey('Instance Names\SQL').GetValueNames()) {
        $id = Get-RegistryValue 'Instance Names\SQL' $instance
        # An instance of a failover cluster has the name of the cluster's network name.
        $name = Get-RegistryValue "$id\Cluster" 'ClusterName'
        if (-not $name) { $name = [Environment]::MachineName }
        $target = "$name\$instance".ToUpperInvariant() -replace '\\MSSQLSERVER$', ''
        $master = Get-RegistryValue "$id\SQLServerAgent" 'MSXServerName'
        $option = Get-RegistryValue "$id\SQLServerAgent" 'MsxEncryptChannelOptions'
        # Where nothing is set, Agent encrypts and verifies.
        if ($null -eq $option) { $option = 2 }
        @{ target = $target; instance = $instance; enlisted_to = $(if ($master) { $master }); option = $option }
    }
}

# State and start type of a service, as far as this account may ask.
function Get-ServiceState([string]$Name) {
    try { $service = Get-Service -Name $Name; "$($service.Status)"; "$($service.StartType)" } catch { $null }
}

# Asks SQL Browser for one instance ([MC-SQLR] 2.2.3). Silence means nothing certain: blocked, stopped, hidden, no such instance.
function Read-Browser($Client, $Address, [string]$Instance) {
    $latin = [Text.Encoding]::GetEncoding(28591)
    $question = [byte[]](@(4) + $latin.GetBytes($Instance) + @(0))
    $Client.Connect($Address, 1434)
    [void]$Client.Send($question, $question.Length)
    $answer = $Client.ReceiveAsync()
    if (-not $answer.Wait($TimeoutSeconds * 1000)) { return @{ state = 'no_answer'; found = 0; evidence = 'no answer' } }
    $text = $latin.GetString($answer.Result.Buffer)
    $seen = @{ state = 'wrong_protocol'; found = 0; evidence = "what answers knows nothing of instance $Instance" }
    if ($text -notmatch ";InstanceName;$([regex]::Escape($Instance));") { return $seen }
    $port = [int][regex]::Match($text, '(?i);tcp;([0-9]{1,5});').Groups[1].Value
    if ($port -gt 65535) { $port = 0 }
    @{ state = 'open'; found = $port; evidence = "announces $Instance on TCP $port (0: on none)" }
}

# Tries TCP $Port, or SQL Browser where an instance is given, at one address after the other until one is open.
function Test-Port([string]$Name, [int]$Port, [string]$Instance) {
    try { $addresses = [Net.Dns]::GetHostAddresses($Name) }
    catch { return @{ state = 'unresolved'; found = 0; evidence = "${Name}: $($_.Exception.GetBaseException().Message)" } }
    foreach ($address in $addresses) {
        $client = New-Object -TypeName "Net.Sockets.$(if ($Instance) { 'Udp' } else { 'Tcp' })Client" -ArgumentList $address.AddressFamily
        $seen = @{ state = 'filtered'; found = $Port; evidence = "no answer in ${TimeoutSeconds}s" }
        try {
            if ($Instance -ne '') { $seen = Read-Browser $client $address $Instance }
            elseif ($client.ConnectAsync($address, $Port).Wait($TimeoutSeconds * 1000)) { $seen.state = 'open' }
        } catch {
            $cause = $_.Exception.GetBaseException()
            $state = $SocketErrors["$(if ($cause -is [Net.Sockets.SocketException]) { $cause.SocketErrorCode })"]
            $seen = @{ state = $(if ($state) { $state } else { 'skipped' }); found = 0; evidence = $cause.Message }
        } finally { $client.Close() }
        $seen.evidence = "${address}: $($seen.evidence)"
        if ($seen.state -eq 'open') { break }
    }
    $seen
}

# A line with its holes filled in; nothing where one stays empty.
function Expand-Line([string]$Line, $Table) {
    $parts = $Line -split '<(\w+)>'
    $holes = @(for ($at = 1; $at -lt $parts.Count; $at += 2) { $at })
    if (@($holes | Where-Object { $null -eq $Table[$parts[$_]] }).Count -gt 0) { return }
    foreach ($at in $holes) { $parts[$at] = "$($Table[$parts[$at]])".Replace('\', '\\').Replace('"', '\"') }
    $parts -join ''
}

$look = @{ target = $LocalName; instance = "$LocalName\MSSQLSERVER".Split('\')[1]; enlisted_to = $null; option = $null }
try {
    $Root = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64').OpenSubKey('SOFTWARE\Microsoft\Microsoft SQL Server')
    $found = @(Get-Enlistment | Where-Object { if ($LocalName) { $_.instance -eq $look.instance } else { $_.enlisted_to } })
    if ($found.Count -eq 1) { $look = $found[0] }
    elseif (-not $LocalName) { Stop-Look 64 "$($found.Count) instances here are targets by the registry: give -LocalName" }
} catch {
    if (-not $LocalName -or -not $MasterAddress) { Stop-Look 1 "the registry shows no instance ($_): give -LocalName and -MasterAddress" }
}
if ($LocalName) { $look.target = $LocalName }
if (-not $MasterAddress) { $MasterAddress = "$($look.enlisted_to)" }
$address = ConvertTo-Address $MasterAddress
if ($null -eq $address) { Stop-Look 64 "'$MasterAddress' is no address of a master: give -MasterAddress as host, host:port, host,port or host\instance" }
try {
    $services = 'MSSQLSERVER', 'SQLSERVERAGENT'
    if ($look.instance -ne 'MSSQLSERVER') { $services = "MSSQL`$$($look.instance)", "SQLAgent`$$($look.instance)" }
    $running = @(Get-ServiceState $services[0])[0]
    $agent, $mode = Get-ServiceState $services[1]
    $port, $source, $ports = $address.port, 'config', @()
    $engine = @{ state = 'skipped'; found = 0; evidence = 'SQL Browser named no port' }
    if ($address.instance -ne '') {
        $browser = Test-Port $address.host 1434 $address.instance
        $port, $source = $browser.found, 'browser'
        $ports += @{ check = 'browser'; port = 1434; protocol = 'udp'; source = 'default' } + $browser
    } elseif ($port -eq 0) { $port, $source = 1433, 'default' }
    if ($port -gt 0) { $engine = Test-Port $address.host $port '' }
    $ports = @(@{ check = 'engine'; port = ("$port" -replace '^0$', ''); protocol = 'tcp'; source = $source } + $engine) + $ports
    $look += @{
        node = [Environment]::MachineName; now = [long][Math]::Floor(([DateTime]::UtcNow - [DateTime]'1970-01-01').TotalSeconds)
        interval = $(if ($IntervalSeconds -gt 0) { $IntervalSeconds }); master = "$($address.host)\$($address.instance)".TrimEnd('\')
        instance_running = $IsRunning["$running"]; agent_running = $IsRunning["$agent"]; agent_mode = $StartModes["$mode"]
    }
    $ports = @($ports | ForEach-Object { $look + $_ + @{ open = $IsOpen[$_.state] } })
    if ($OutputFile -ne '') {
        $temporary = "$OutputFile.$([Guid]::NewGuid()).tmp"
        try {
            $lines = @($PageLines | ForEach-Object { Expand-Line $_ $look }) + @(foreach ($line in $PortLines) { $ports | ForEach-Object { Expand-Line $line $_ } })
            [IO.File]::WriteAllText($temporary, (($lines + '# EOF' + '') -join "`n"))
            # In one step: Move-Item would delete the former page first, and a reader would find none.
            Add-Type -AssemblyName Microsoft.VisualBasic
            [Microsoft.VisualBasic.FileIO.FileSystem]::MoveFile($temporary, $OutputFile, $true)
        } finally { [IO.File]::Delete($temporary) }
    } else {
        "$($look.target) on $($look.node), master $MasterAddress; instance: $running, SQL Server Agent: $agent $mode (empty: unknown)"
        $ports | ForEach-Object { "$($_.state): $($_.check), $($_.protocol) $($_.port), $($_.evidence)" }
    }
} catch { Stop-Look 1 "the look failed: $($_.Exception.GetBaseException().Message)" }
if (@($ports | Where-Object { $_.open -eq 0 }).Count -gt 0) { exit 2 }
if (@($ports | Where-Object { $null -eq $_.open }).Count -gt 0) { exit 3 }
exit 0
