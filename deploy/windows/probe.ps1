#Requires -Version 5.1
<#
.SYNOPSIS
Says on a target (TSX) which ports polling its master (MSX) needs, and whether they are open from here.

.DESCRIPTION
For a target where nothing may be installed. It only looks: it reads the registry of the instances on this machine,
resolves the master's name, opens and closes one TCP connection to its engine, asks SQL Browser for one instance where
the master is named HOST\INSTANCE, and exchanges the first message of TDS, which needs no login. It writes nothing.

The rows have the columns and the words of `msx_exporter doctor --role=target`. The certificate of the master is not
looked at: the program does that.

Exit codes: 0 fine, 1 it failed, 2 a required port is not open, 64 no target or no master was found.

.PARAMETER MasterAddress
HOST, HOST:PORT or HOST\INSTANCE. Without it, what the registry of each instance names (MSXServerName).

.PARAMETER LocalName
The name of this target as enlisted. Without it, every instance that the registry calls a target.

.PARAMETER Format
Text, Csv or Json.

.PARAMETER TimeoutSeconds
How long each attempt may take.

.EXAMPLE
powershell.exe -NoProfile -ExecutionPolicy Bypass -File probe.ps1

.EXAMPLE
powershell.exe -NoProfile -ExecutionPolicy Bypass -File probe.ps1 -MasterAddress MSX01\HQ -LocalName SQL01 -Format Csv
#>
[CmdletBinding()]
param(
    [string]$MasterAddress = '',
    [string]$LocalName = '',
    [ValidateSet('Text', 'Csv', 'Json')]
    [string]$Format = 'Text',
    [ValidateRange(1, 60)]
    [int]$TimeoutSeconds = 3
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$BrowserPort = 1434
$Heads = @(
    'source', 'destination', 'transport', 'port', 'initiator', 'need', 'state', 'checked at', 'evidence',
    'justification', 'frequency', 'handling', 'valid until', 'test on the source'
)
# PRELOGIN of TDS without the name of an instance, as one complete packet ([MS-TDS] 2.2.6.5).
$Prelogin = '1201002F00000100' + '00001A0006' + '0100200001' + '0200210001' + '0300220004' + '0400260001' + 'FF' +
    '000000000000' + '00' + '00' + '00000000' + '00'

function Get-Moment {
    [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
}

function New-Seen($Open, [string]$State, [string]$Evidence) {
    @{ open = $Open; state = $State; at = (Get-Moment); evidence = $Evidence }
}

# Reads one value of the machine's registry, of its 64-bit view whatever this process is. $null where there is none.
function Get-RegistryValue([string]$Key, [string]$Name) {
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
    try {
        $opened = $base.OpenSubKey($Key)
        if ($null -eq $opened) { return $null }
        try { return $opened.GetValue($Name) } finally { $opened.Close() }
    } finally {
        $base.Close()
    }
}

# Names of the values of a key.
function Get-RegistryName([string]$Key) {
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
    try {
        $opened = $base.OpenSubKey($Key)
        if ($null -eq $opened) { return }
        try { $opened.GetValueNames() } finally { $opened.Close() }
    } finally {
        $base.Close()
    }
}

# What each instance of this machine knows of its master.
function Get-Enlistment {
    $root = 'SOFTWARE\Microsoft\Microsoft SQL Server'
    $computer = 'SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName'
    foreach ($instance in @(Get-RegistryName "$root\Instance Names\SQL")) {
        $id = Get-RegistryValue "$root\Instance Names\SQL" $instance
        # An instance of a failover cluster has the name of the cluster's network name.
        $computerName = Get-RegistryValue "$root\$id\Cluster" 'ClusterName'
        if (-not $computerName) { $computerName = Get-RegistryValue $computer 'ComputerName' }
        $name = $computerName
        if ($instance -ne 'MSSQLSERVER') { $name = "$computerName\$instance" }
        $option = Get-RegistryValue "$root\$id\SQLServerAgent" 'MsxEncryptChannelOptions'
        # Where nothing is set, Agent encrypts and verifies.
        if ($null -eq $option) { $option = 2 }
        @{
            target = ([string]$name).ToUpperInvariant()
            master = [string](Get-RegistryValue "$root\$id\SQLServerAgent" 'MSXServerName')
            option = [int]$option
        }
    }
}

# HOST, HOST:PORT or HOST\INSTANCE.
function ConvertTo-Address([string]$Text) {
    $found = @{ host = $Text; port = 0; instance = '' }
    if ($Text.Contains('\')) {
        $at = $Text.IndexOf('\')
        $found.host = $Text.Substring(0, $at)
        $found.instance = $Text.Substring($at + 1)
    } elseif ($Text -match '^([^:]+):(\d{1,5})$') {
        $found.host = $Matches[1]
        $found.port = [int]$Matches[2]
    }
    $found
}

function Resolve-Master([string]$Name) {
    try { @([Net.Dns]::GetHostAddresses($Name)) } catch { @() }
}

# What an error of the network says, in one word.
function Get-StateOfError($Record) {
    $cause = $Record.Exception.GetBaseException()
    if ($cause -isnot [Net.Sockets.SocketException]) { return 'skipped' }
    switch ([string]$cause.SocketErrorCode) {
        'ConnectionRefused' { 'refused' }
        'ConnectionReset' { 'refused' }
        'TimedOut' { 'filtered' }
        'HostUnreachable' { 'unreachable' }
        'NetworkUnreachable' { 'unreachable' }
        'NetworkDown' { 'unreachable' }
        'AccessDenied' { 'unreachable' }
        default { 'skipped' }
    }
}

function Format-Endpoint($Address, [int]$Port) {
    if ([string]$Address.AddressFamily -eq 'InterNetworkV6') { return "[$Address]:$Port" }
    "${Address}:$Port"
}

# Tries each address in turn. The connection is closed in order, so that the master's log stays clean.
function Test-Engine($Addresses, [int]$Port) {
    $last = New-Seen $false 'unresolved' 'the name has no address'
    foreach ($address in $Addresses) {
        $client = New-Object -TypeName Net.Sockets.TcpClient -ArgumentList $address.AddressFamily
        $end = Format-Endpoint $address $Port
        try {
            $pending = $client.BeginConnect($address, $Port, $null, $null)
            if ($pending.AsyncWaitHandle.WaitOne($TimeoutSeconds * 1000)) {
                $client.EndConnect($pending)
                return New-Seen $true 'open' "$end accepted the connection"
            }
            $last = New-Seen $false 'filtered' "${end}: no answer to the connect in ${TimeoutSeconds}s"
        } catch {
            $state = Get-StateOfError $_
            $open = $false
            if ($state -eq 'skipped') { $open = $null }
            $last = New-Seen $open $state "${end}: $($_.Exception.GetBaseException().Message)"
        } finally {
            $client.Close()
        }
    }
    $last
}

# Asks SQL Browser for one instance ([MC-SQLR] 2.2.3). The port is 0 where it named none.
function Test-Browser($Addresses, [string]$Instance) {
    $last = @{ port = 0; seen = (New-Seen $false 'unresolved' 'the name has no address') }
    $question = [byte[]](@(4) + [Text.Encoding]::ASCII.GetBytes($Instance) + @(0))
    foreach ($address in $Addresses) {
        $client = New-Object -TypeName Net.Sockets.UdpClient -ArgumentList $address.AddressFamily
        try {
            $client.Connect($address, $BrowserPort)
            $client.Client.ReceiveTimeout = $TimeoutSeconds * 1000
            [void]$client.Send($question, $question.Length)
            $from = New-Object -TypeName Net.IPEndPoint -ArgumentList $address, 0
            $answer = $client.Receive([ref]$from)
            $text = ''
            if ($answer.Length -gt 3 -and $answer[0] -eq 5) {
                $text = [Text.Encoding]::ASCII.GetString($answer, 3, $answer.Length - 3)
            }
            if (-not $text.ToUpperInvariant().Contains(";INSTANCENAME;$($Instance.ToUpperInvariant());")) {
                $wrong = New-Seen $true 'wrong_protocol' "what answers knows nothing of instance $Instance"
                $last = @{ port = 0; seen = $wrong }
                continue
            }
            $port = 0
            if ($text -match '(?i);tcp;(\d{1,5});') { $port = [int]$Matches[1] }
            $version = ''
            if ($text -match '(?i);version;([^;]*);') { $version = $Matches[1] }
            $evidence = "announces $Instance $version without a TCP port"
            if ($port -gt 0) { $evidence = "announces $Instance $version on TCP $port" }
            return @{ port = $port; seen = (New-Seen $true 'open' $evidence) }
        } catch {
            $state = Get-StateOfError $_
            $open = $false
            $evidence = $_.Exception.GetBaseException().Message
            if ($state -eq 'skipped') { $open = $null }
            if ($state -eq 'filtered') {
                # Silence of UDP means nothing certain: blocked, stopped, hidden or no such instance.
                $state = 'no_answer'
                $open = $null
                $evidence = "no answer for instance $Instance in ${TimeoutSeconds}s"
            }
            $last = @{ port = 0; seen = (New-Seen $open $state $evidence) }
        } finally {
            $client.Close()
        }
    }
    $last
}

# Exactly $Length bytes of a stream, or what came before its end.
function Read-Byte($Stream, [int]$Length) {
    $bytes = New-Object -TypeName byte[] -ArgumentList $Length
    $filled = 0
    while ($filled -lt $Length) {
        $got = $Stream.Read($bytes, $filled, $Length - $filled)
        if ($got -le 0) { break }
        $filled += $got
    }
    , $bytes
}

# The master's version and whether it offers TLS, from its answer to PRELOGIN. $null where there is no such answer.
function Get-EngineFact([string]$Address, [int]$Port) {
    $client = New-Object -TypeName Net.Sockets.TcpClient -ArgumentList ([Net.IPAddress]::Parse($Address)).AddressFamily
    try {
        $client.ReceiveTimeout = $TimeoutSeconds * 1000
        $client.SendTimeout = $TimeoutSeconds * 1000
        $client.Connect($Address, $Port)
        $stream = $client.GetStream()
        $question = New-Object -TypeName byte[] -ArgumentList ($Prelogin.Length / 2)
        for ($at = 0; $at -lt $question.Length; $at++) {
            $question[$at] = [Convert]::ToByte($Prelogin.Substring(2 * $at, 2), 16)
        }
        $stream.Write($question, 0, $question.Length)
        $head = Read-Byte $stream 8
        $length = 256 * $head[2] + $head[3] - 8
        if ($head[0] -ne 4 -or $length -lt 1 -or $length -gt 4096) { return $null }
        $body = Read-Byte $stream $length
        $found = @{ version = ''; tls = $null }
        for ($at = 0; $at + 4 -lt $length -and $body[$at] -ne 255; $at += 5) {
            $offset = 256 * $body[$at + 1] + $body[$at + 2]
            if ($body[$at] -eq 0 -and $offset + 3 -lt $length) {
                $build = 256 * $body[$offset + 2] + $body[$offset + 3]
                $found.version = "$($body[$offset]).$($body[$offset + 1]).$build"
            }
            # ENCRYPT_NOT_SUP is 2.
            if ($body[$at] -eq 1 -and $offset -lt $length) { $found.tls = $body[$offset] -ne 2 }
        }
        return $found
    } catch {
        return $null
    } finally {
        $client.Close()
    }
}

function New-End([string]$Name, $Addresses) {
    @{ name = $Name; addresses = @($Addresses | ForEach-Object { [string]$_ }) }
}

# The port that the configuration, SQL Browser or the default tells; 0 where none does.
function Get-EnginePort($Address, $Browser) {
    if ($Address.port -gt 0) { return $Address.port }
    if ($Address.instance -eq '') { return 1433 }
    $Browser.port
}

function New-PollingRow($Source, $Destination, [string]$Port, $Seen) {
    $test = 'find the port first'
    if ($Port -ne 'unknown') { $test = "Test-NetConnection -ComputerName $($Destination.name) -Port $Port" }
    @{
        source = @($Source); destination = @($Destination); transport = 'tcp'; ports = $Port; initiator = 'target'
        need = 'required'; now = $Seen; test = $test
        justification = 'SQL Server Agent on the target polls the master, downloads instructions and uploads outcomes; sp_msx_enlist takes the same way'
        frequency = 'every 60 s (the default), and after each job'
        handling = 'stateful, no reverse rule; from any source port; no TLS inspection: TLS runs inside TDS'
        valid_until = 'the target leaves this master (is defected)'
    }
}

function New-BrowserRow($Source, $Destination, [string]$Full, [string]$Port, $Seen) {
    @{
        source = @($Source); destination = @($Destination); transport = 'udp'; ports = "$BrowserPort"
        initiator = 'target'; need = 'required'; now = $Seen
        justification = "targets know the master as $Full, and ask SQL Browser for its port at each connection, whether the port is fixed or not; not needed where an alias for exactly $Full with TCP port $Port stands on the target"
        frequency = 'before each connection'
        handling = 'stateful, no reverse rule; from any source port'
        valid_until = 'the target leaves this master (is defected)'
        test = "msx_exporter doctor --role=target '--master.address=$Full'"
    }
}

function New-NothingBackRow($Source, $Destination) {
    @{
        source = @($Destination); destination = @($Source); transport = $null; ports = ''; initiator = 'none'
        need = 'nothing'; now = @{ open = $null; state = 'not needed'; at = $null; evidence = 'by design' }
        justification = 'the master never calls a target: each connection of polling is opened by the target'
        frequency = 'never'; handling = 'no rule'; valid_until = 'not applicable'; test = 'nothing to test'
    }
}

function New-Readiness([string]$Subject, $Fine, [string]$Evidence, [string]$Remedy) {
    @{ subject = $Subject; fine = $Fine; evidence = $Evidence; remedy = $Remedy }
}

# Looks from one target at its master: rows, and what enlisting and polling need besides.
function Get-Look($Enlistment) {
    $address = ConvertTo-Address $Enlistment.address
    $addresses = @(Resolve-Master $address.host)
    $hostOfTarget = (ConvertTo-Address $Enlistment.target).host
    $source = New-End $hostOfTarget @()
    $destination = New-End $address.host $addresses
    $browser = $null
    if ($address.instance -ne '') { $browser = Test-Browser $addresses $address.instance }
    $port = Get-EnginePort $address $browser
    $shown = [string]$port
    if ($port -eq 0) {
        $shown = 'unknown'
        $engine = New-Seen $null 'skipped' "SQL Browser (UDP $BrowserPort) named no port: $($browser.seen.evidence)"
    } else {
        $engine = Test-Engine $addresses $port
    }
    $rows = @(New-PollingRow $source $destination $shown $engine)
    if ($null -ne $browser) { $rows += New-BrowserRow $source $destination $Enlistment.address $shown $browser.seen }
    $rows += New-NothingBackRow $source $destination
    $readiness = @()
    if ($null -ne $Enlistment.option) {
        $evidence = "MSXServerName is $($Enlistment.master), MsxEncryptChannelOptions $($Enlistment.option)"
        $readiness += New-Readiness 'registry of SQL Server Agent on this target' ($Enlistment.master -ne '') $evidence ''
    }
    if ($engine.state -eq 'open') {
        $fact = Get-EngineFact ($engine.evidence -replace '^\[?(.+?)\]?:\d+ accepted the connection$', '$1') $port
        if ($null -eq $fact) {
            $readiness += New-Readiness 'engine of the master' $null 'not known: no answer to PRELOGIN' ''
        } else {
            $readiness += New-Readiness 'engine of the master' $true "SQL Server $($fact.version)" ''
            $offer = 'the master offers no TLS'
            if ($fact.tls) { $offer = 'the master offers TLS' }
            $readiness += New-Readiness 'encryption, as MsxEncryptChannelOptions = 1 needs it' $fact.tls $offer ''
        }
    }
    @{ rows = $rows; readiness = $readiness }
}

function ConvertTo-EndText($Ends) {
    $texts = foreach ($end in $Ends) {
        $list = $end.addresses -join ', '
        if ($list -eq '' -or $list -eq $end.name) { $end.name } else { "$($end.name) ($list)" }
    }
    @($texts) -join ', '
}

$Needs = @{ required = 'required'; nothing = 'not needed' }

# One row's cells, in the order of $Heads.
function ConvertTo-Cell($Row) {
    $transport = 'none'
    if ($null -ne $Row.transport) { $transport = $Row.transport.ToUpperInvariant() }
    $ports = $Row.ports
    if ($ports -eq '') { $ports = 'none' }
    (ConvertTo-EndText $Row.source), (ConvertTo-EndText $Row.destination), $transport, $ports, $Row.initiator,
    $Needs[$Row.need], $Row.now.state, [string]$Row.now.at, $Row.now.evidence, $Row.justification, $Row.frequency,
    $Row.handling, $Row.valid_until, $Row.test
}

# A cell of CSV. One that begins like a formula would be run by a spreadsheet.
function ConvertTo-Quoted([string]$Cell) {
    $guard = ''
    if ($Cell -match '^[=+\-@\t\r]') { $guard = "'" }
    if ($guard -eq '' -and $Cell -notmatch '[",\r\n]') { return $Cell }
    '"' + $guard + $Cell.Replace('"', '""') + '"'
}

function Write-Csv($Request) {
    ($Heads | ForEach-Object { ConvertTo-Quoted $_ }) -join ','
    foreach ($row in $Request.rows) {
        (ConvertTo-Cell $row | ForEach-Object { ConvertTo-Quoted $_ }) -join ','
    }
}

function Write-TextRow($Row) {
    $service = 'nothing'
    if ($null -ne $Row.transport) { $service = "$($Row.transport.ToUpperInvariant()) $($Row.ports)" }
    "  $(ConvertTo-EndText $Row.source) -> $(ConvertTo-EndText $Row.destination)  $service"
    $at = ''
    if ($Row.now.at) { $at = " at $($Row.now.at)" }
    '      state      {0}{1}: {2}' -f $Row.now.state, $at, $Row.now.evidence
    '      why        {0}' -f $Row.justification
    if ($Row.need -eq 'nothing') { return }
    '      opened by  {0}, {1}' -f $Row.initiator, $Row.frequency
    '      firewall   {0}' -f $Row.handling
    '      until      {0}' -f $Row.valid_until
    '      test       {0}' -f $Row.test
}

function Write-Text($Request) {
    $Request.title
    "made at $($Request.made)"
    foreach ($part in @(@('required', 'Required'), @('nothing', 'No rule needed'))) {
        ''
        $part[1]
        foreach ($row in $Request.rows) {
            if ($row.need -eq $part[0]) { Write-TextRow $row }
        }
    }
    if ($Request.readiness.Count -gt 0) {
        ''
        'Besides ports'
    }
    foreach ($item in $Request.readiness) {
        $fine = 'unknown'
        if ($item.fine -eq $true) { $fine = 'yes' }
        if ($item.fine -eq $false) { $fine = 'no' }
        '  {0,-7} {1}: {2}' -f $fine, $item.subject, $item.evidence
        if ($item.remedy -ne '') { "          -> $($item.remedy)" }
    }
    ''
    'Notes'
    foreach ($note in $Request.notes) { "  $note" }
}

# The targets to look from, each with the master to look at.
function Get-Target {
    $found = @(Get-Enlistment)
    if ($LocalName -ne '') {
        $named = @($found | Where-Object { $_.target -eq $LocalName })
        $found = @(@{ target = $LocalName; master = ''; option = $null })
        if ($named.Count -gt 0) { $found = $named }
    } else {
        $found = @($found | Where-Object { $_.master -ne '' })
    }
    foreach ($one in $found) {
        $one.address = $one.master
        if ($MasterAddress -ne '') { $one.address = $MasterAddress }
        if ($one.address -ne '') { $one }
    }
}

$targets = @(Get-Target)
if ($targets.Count -eq 0) {
    [Console]::Error.WriteLine('no instance has a master in its registry: give -LocalName and -MasterAddress')
    exit 64
}
try {
    $looks = @($targets | ForEach-Object { Get-Look $_ })
    $rows = @($looks | ForEach-Object { $_.rows })
    $titles = $targets | ForEach-Object {
        $master = $_.address -replace ':\d+$', ''
        "Firewall request for target $($_.target) and its master $master"
    }
    $request = [ordered]@{
        title = @($titles) -join '; '
        made = Get-Moment
        rows = @($rows | Where-Object { $_.need -eq 'required' }) + @($rows | Where-Object { $_.need -ne 'required' })
        readiness = @($looks | ForEach-Object { $_.readiness })
        next = @()
        notes = @(
            'tried from this target: what is open here is open for SQL Server Agent here',
            'the certificate of the master was not looked at: msx_exporter doctor does that'
        )
    }
    switch ($Format) {
        'Csv' { Write-Csv $request }
        'Json' { ConvertTo-Json -InputObject $request -Depth 8 }
        default { Write-Text $request }
    }
} catch {
    [Console]::Error.WriteLine("the look failed: $($_.Exception.Message)")
    exit 1
}
$closed = @($request.rows | Where-Object { $_.need -eq 'required' -and $_.now.open -eq $false })
foreach ($row in $closed) {
    $service = "$($row.transport.ToUpperInvariant()) $($row.ports)"
    $line = "required and not open: $(ConvertTo-EndText $row.source) -> $(ConvertTo-EndText $row.destination), $service"
    [Console]::Error.WriteLine("$line ($($row.now.state))")
}
if ($closed.Count -gt 0) { exit 2 }
exit 0
