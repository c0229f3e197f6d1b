#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Lays, replaces or removes the program msx_exporter.exe, where no MSI may be run.

.DESCRIPTION
Puts msx_exporter.exe into %ProgramFiles%\msx_exporter or replaces the one that is there: the services that run it are
stopped before and started afterwards, however many they are. Where a step fails, all is as it was. Services are made,
changed and removed by the program itself: msx_exporter service install. -WhatIf shows the steps.

.PARAMETER Source
The new msx_exporter.exe.

.PARAMETER Sha256
What its SHA-256 must be, as in the list of checksums of the release. Not compared where it is not given.

.PARAMETER Uninstall
Removes the program, once no service runs it.

.EXAMPLE
.\install.ps1 -Source .\msx_exporter.exe -Sha256 HASH -WhatIf

.EXAMPLE
.\install.ps1 -Uninstall
#>
[CmdletBinding(SupportsShouldProcess = $true, DefaultParameterSetName = 'Install')]
param(
    [Parameter(ParameterSetName = 'Install', Mandatory = $true)]
    [string]$Source,
    [Parameter(ParameterSetName = 'Install')]
    [ValidatePattern('^([0-9A-Fa-f]{64})?$')]
    [string]$Sha256 = '',
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

function Install-Program {
    Confirm-Hash $Source
    $there = Test-Path -LiteralPath $Program
    $running = @(Get-Sharer | Where-Object { $_.State -eq 'Running' } | ForEach-Object { $_.Name })
    if (-not $PSCmdlet.ShouldProcess($Program, "lay it there; stop and start: $($running -join ', ')")) { return }
    $moved = $false
    try {
        [void](New-Item -ItemType Directory -Path $Folder -Force)
        Copy-Fresh
        foreach ($name in $running) { Stop-Service -Name $name }
        Remove-Leftover $Former
        if ($there) {
            Move-Item -LiteralPath $Program -Destination $Former
            $moved = $true
        }
        Move-Item -LiteralPath $Fresh -Destination $Program
        foreach ($name in $running) { Start-Service -Name $name }
    } catch {
        $fault = $_
        # What fails here is reported, and does not keep the fault from being shown.
        try {
            Remove-Leftover $Fresh
            if ($moved) {
                foreach ($name in $running) { Stop-Service -Name $name }
                Remove-Leftover $Program
                Move-Item -LiteralPath $Former -Destination $Program
            }
            foreach ($name in $running) { Start-Service -Name $name }
            Remove-EmptyFolder
        } catch {
            Write-Warning -Message "not undone: $($_.Exception.Message)"
        }
        throw $fault
    }
    Remove-Leftover $Former
    "$Program is in place; started again: $($running -join ', ')"
}

function Uninstall-Program {
    if (-not (Test-Path -LiteralPath $Program)) { throw "there is no $Program" }
    $sharers = @(Get-Sharer | ForEach-Object { $_.Name }) -join ', '
    if ($sharers -ne '') { throw "services run it: $sharers. Take msx_exporter service uninstall --service.name=NAME first" }
    if (-not $PSCmdlet.ShouldProcess($Program, 'remove it')) { return }
    Remove-Leftover $Program
    Remove-EmptyFolder
    "$Program was removed; the configurations stay"
}

if ($Uninstall) { Uninstall-Program } else { Install-Program }
