# Completion of fleetup for PowerShell: fleetup completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName 'fleetup' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    $program = $words[0]
    $rest = @($words | Select-Object -Skip 1)
    $ask = @('__complete')
    # An empty argument would be dropped on its way to the program.
    if ($wordToComplete -eq '') { $ask += '--new-word' }
    $lines = @(& $program @ask '--' @rest 2>$null)
    foreach ($line in $lines) {
        if ($line -eq ':files') { continue } # PowerShell offers files where nothing else is
        $word, $about = $line -split "`t", 2
        if (-not $about) { $about = $word }
        $quoted = if ($word -match '\s') { "'" + ($word -replace "'", "''") + "'" } else { $word }
        [System.Management.Automation.CompletionResult]::new($quoted, $word, 'ParameterValue', $about)
    }
}
