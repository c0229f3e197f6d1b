#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Installs, upgrades or removes msx_exporter as a Windows service, where no MSI may be run.

.DESCRIPTION
Lays msx_exporter.exe into %ProgramFiles%\msx_exporter and calls `msx_exporter.exe service install`, which makes the
service, the folder of the configuration with its rights, the Event Log source and, if asked, the firewall rule. Several
services on one host share the program. What was done is undone where a step fails. -WhatIf shows the steps.

.PARAMETER Source
The new msx_exporter.exe.

.PARAMETER Sha256
What its SHA-256 must be, as in the list of checksums of the release. Not compared where it is not given.

.PARAMETER ServiceName
The name of the service. Its configuration is %ProgramData%\msx_exporter\NAME.yml.

.PARAMETER ListenAddress
Where it listens, such as :9814 or 127.0.0.1:9814.

.PARAMETER MasterAddress
The master for a first configuration: HOST, HOST:PORT or HOST\INSTANCE. A configuration that is there is kept.

.PARAMETER Account
The account of the service, such as CORP\gmsa-msx$. Without it a virtual account.

.PARAMETER PasswordFile
A file with the password of a user's account. Delete it afterwards.

.PARAMETER Firewall
Lets others in at the port on which it listens.

.PARAMETER FirewallFrom
Whom the rule lets in: addresses, ranges or networks, with commas between them.

.PARAMETER Upgrade
Replaces the program alone: services that use it are stopped and started again, configurations and flags stay.

.PARAMETER Uninstall
Removes the service, and the program where no other service uses it. The configuration stays.

.EXAMPLE
.\install.ps1 -Source .\msx_exporter.exe -MasterAddress localhost -Firewall -FirewallFrom 10.1.0.5

.EXAMPLE
.\install.ps1 -Upgrade -Source .\msx_exporter.exe -WhatIf

.EXAMPLE
.\install.ps1 -Uninstall
#>
[CmdletBinding(SupportsShouldProcess = $true, DefaultParameterSetName = 'Install')]
param(
    [Parameter(ParameterSetName = 'Install', Mandatory = $true)]
    [Parameter(ParameterSetName = 'Upgrade', Mandatory = $true)]
    [string]$Source,
    [Parameter(ParameterSetName = 'Install')]
    [Parameter(ParameterSetName = 'Upgrade')]
    [ValidatePattern('^([0-9A-Fa-f]{64})?$')]
    [string]$Sha256 = '',
    [Parameter(ParameterSetName = 'Install')]
    [Parameter(ParameterSetName = 'Uninstall')]
    [ValidatePattern('^[A-Za-z0-9_.-]+$')]
    [string]$ServiceName = 'msx_exporter',
    [Parameter(ParameterSetName = 'Install')]
    [string]$ListenAddress = '',
    [Parameter(ParameterSetName = 'Install')]
    [string]$MasterAddress = '',
    [Parameter(ParameterSetName = 'Install')]
    [string]$Account = '',
    [Parameter(ParameterSetName = 'Install')]
    [string]$PasswordFile = '',
    [Parameter(ParameterSetName = 'Install')]
    [switch]$Firewall,
    [Parameter(ParameterSetName = 'Install')]
    [string]$FirewallFrom = '',
    [Parameter(ParameterSetName = 'Upgrade', Mandatory = $true)]
    [switch]$Upgrade,
    [Parameter(ParameterSetName = 'Uninstall', Mandatory = $true)]
    [switch]$Uninstall
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

if (-not [Environment]::Is64BitProcess) { throw 'run this in the 64-bit Windows PowerShell' }
$Folder = Join-Path -Path $env:ProgramFiles -ChildPath 'msx_exporter'
$Program = Join-Path -Path $Folder -ChildPath 'msx_exporter.exe'
$Fresh = "$Program.new"
$Former = "$Program.old"

# Runs the program and fails where it fails.
function Invoke-Program([string[]]$Words) {
    & $Program $Words
    if ($LASTEXITCODE -ne 0) { throw "msx_exporter.exe $($Words -join ' ') ended with $LASTEXITCODE" }
}

# The services whose program is this one.
function Get-Sharer {
    @(Get-CimInstance -ClassName Win32_Service | Where-Object {
        $null -ne $_.PathName -and $_.PathName.Trim('"').StartsWith($Program, [StringComparison]::OrdinalIgnoreCase)
    })
}

function Confirm-Hash([string]$Path) {
    if ($Sha256 -eq '') { return }
    $found = (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash
    if ($found -ne $Sha256) { throw "the SHA-256 of $Path is $found and not $Sha256" }
}

# Puts the new program next to its final path. Its hash is taken there, where only administrators may write.
function Copy-Fresh {
    Copy-Item -LiteralPath $Source -Destination $Fresh -Force
    Unblock-File -LiteralPath $Fresh
    Confirm-Hash $Fresh
}

function Remove-Leftover([string]$Path) {
    if (Test-Path -LiteralPath $Path) { Remove-Item -LiteralPath $Path -Force }
}

# The folder goes with its last file.
function Remove-EmptyFolder {
    if ((Test-Path -LiteralPath $Folder) -and @(Get-ChildItem -LiteralPath $Folder -Force).Count -eq 0) {
        Remove-Item -LiteralPath $Folder
    }
}

function Get-InstallWord {
    $words = @('service', 'install', "--service.name=$ServiceName")
    if ($ListenAddress -ne '') { $words += "--web.listen-address=$ListenAddress" }
    if ($MasterAddress -ne '') { $words += "--master.address=$MasterAddress" }
    if ($Account -ne '') { $words += "--service.account=$Account" }
    if ($PasswordFile -ne '') { $words += "--service.password-file=$PasswordFile" }
    if ($Firewall) { $words += '--service.firewall' }
    if ($FirewallFrom -ne '') { $words += "--service.firewall-from=$FirewallFrom" }
    $words
}

function Install-Service {
    if (@(Get-Service | Where-Object { $_.Name -eq $ServiceName }).Count -gt 0) {
        throw "there is a service $ServiceName already: take -Upgrade, or another -ServiceName"
    }
    Confirm-Hash $Source
    $there = Test-Path -LiteralPath $Program
    if ($there) {
        $same = (Get-FileHash -LiteralPath $Program).Hash -eq (Get-FileHash -LiteralPath $Source).Hash
        if (-not $same) { throw "another version is in $Folder and other services may use it: take -Upgrade first" }
    }
    if (-not $PSCmdlet.ShouldProcess($Program, "lay it there and install service $ServiceName")) { return }
    $installed = $false
    try {
        if (-not $there) {
            [void](New-Item -ItemType Directory -Path $Folder -Force)
            Copy-Fresh
            Move-Item -LiteralPath $Fresh -Destination $Program
        }
        Invoke-Program (Get-InstallWord)
        $installed = $true
        Start-Service -Name $ServiceName
    } catch {
        $fault = $_
        # What fails here is reported, and does not keep the rest from being undone.
        try {
            if ($installed) { Invoke-Program @('service', 'uninstall', "--service.name=$ServiceName") }
        } catch {
            Write-Warning -Message "not undone: $($_.Exception.Message)"
        }
        try {
            Remove-Leftover $Fresh
            if (-not $there) { Remove-Leftover $Program }
            Remove-EmptyFolder
        } catch {
            Write-Warning -Message "not undone: $($_.Exception.Message)"
        }
        throw $fault
    }
    "service $ServiceName is installed and was started"
}

function Update-Program {
    if (-not (Test-Path -LiteralPath $Program)) { throw "there is no $Program to upgrade" }
    Confirm-Hash $Source
    $running = @(Get-Sharer | Where-Object { $_.State -eq 'Running' } | ForEach-Object { $_.Name })
    if (-not $PSCmdlet.ShouldProcess($Program, "replace it; stop and start: $($running -join ', ')")) { return }
    $moved = $false
    try {
        Copy-Fresh
        foreach ($name in $running) { Stop-Service -Name $name }
        Remove-Leftover $Former
        Move-Item -LiteralPath $Program -Destination $Former
        $moved = $true
        Move-Item -LiteralPath $Fresh -Destination $Program
        foreach ($name in $running) { Start-Service -Name $name }
    } catch {
        $fault = $_
        try {
            Remove-Leftover $Fresh
            if ($moved) {
                foreach ($name in $running) { Stop-Service -Name $name }
                Remove-Leftover $Program
                Move-Item -LiteralPath $Former -Destination $Program
            }
            foreach ($name in $running) { Start-Service -Name $name }
        } catch {
            Write-Warning -Message "not undone: $($_.Exception.Message)"
        }
        throw $fault
    }
    Remove-Leftover $Former
    "the program was replaced; started again: $($running -join ', ')"
}

function Uninstall-Service {
    if (-not (Test-Path -LiteralPath $Program)) { throw "there is no $Program" }
    if (-not $PSCmdlet.ShouldProcess($ServiceName, 'remove the service, and the program if no other service uses it')) {
        return
    }
    Invoke-Program @('service', 'uninstall', "--service.name=$ServiceName")
    if (@(Get-Sharer).Count -eq 0) {
        Remove-Leftover $Program
        Remove-EmptyFolder
    }
    "service $ServiceName was removed; its configuration stays"
}

switch ($PSCmdlet.ParameterSetName) {
    'Upgrade' { Update-Program }
    'Uninstall' { Uninstall-Service }
    default { Install-Service }
}
