#Requires -Version 5.1
# Holds the addresses that probe.ps1 understands against addresses.json, wherever PowerShell is: -File addresses.ps1
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$script = Join-Path $PSScriptRoot '..\..\deploy\windows\probe.ps1'.Replace('\', [IO.Path]::DirectorySeparatorChar)
$parsed = [Management.Automation.Language.Parser]::ParseFile($script, [ref]$null, [ref]$null)
$parts = $parsed.FindAll({ param($part) $part.Extent.Text -match '^(\$AddressForm = |function ConvertTo-Address)' }, $false)
$parts | Where-Object { $_ -is [Management.Automation.Language.StatementAst] } | ForEach-Object { . ([scriptblock]::Create($_.Extent.Text)) }
$wrong = 0
foreach ($row in (ConvertFrom-Json (Get-Content -Raw (Join-Path $PSScriptRoot 'addresses.json')))) {
    $written, $means = $row
    $found = ConvertTo-Address $written
    $shown = if ($null -eq $found) { 'none' } else { "$($found.host)|$($found.port)|$($found.instance)" }
    $wanted = if ($null -eq $means) { 'none' } else { "$($means[0])|$([int]$means[1])|$($means[2])" }
    if ($shown -cne $wanted) { $wrong++; "'$written' is $shown and not $wanted" }
}
"$wrong wrong"
exit [int]($wrong -gt 0)
