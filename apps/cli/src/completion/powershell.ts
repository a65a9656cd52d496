import type { Command } from 'commander';
import {
  argumentWords,
  DATA_FORMS,
  flagsOf,
  MODEL_WORDS,
  namesOfValueFlags,
  type Values,
  valuesOf,
} from './values.js';

// The names of layers come from files that anybody may have made: they are compared and quoted, and never evaluated.
/** The script for PowerShell, 5.1 and newer. */
export function powershell(program: Command): string {
  const commands = program.commands.map((command) => {
    const flags = command.options.flatMap((option) =>
      flagsOf(option).map(
        (flag) => `      ${quoted(flag)} = ${option.required ? value(valuesOf(option)) : '$null'}`,
      ),
    );
    return `    ${quoted(command.name())} = @{ Words = ${list(argumentWords(command))}; Flags = @{\n${flags.join('\n')}\n    } }`;
  });
  const names = program.commands.map((command) => command.name());
  return `# spherize completion powershell
Register-ArgumentCompleter -Native -CommandName spherize -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $commands = @{
${commands.join('\n')}
  }
  $dataForms = ${list([...DATA_FORMS.keys()])}
  $takeValues = ${list(namesOfValueFlags(program))}
  # The words before the one that is completed, without their quotes.
  $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
      if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
    })
  $element = $commandAst.CommandElements | Where-Object {
    $_.Extent.StartOffset -lt $cursorPosition -and $_.Extent.EndOffset -ge $cursorPosition } | Select-Object -Last 1
  $typed = if ($element) { $element.Extent.Text.Substring(0, $cursorPosition - $element.Extent.StartOffset).Trim("'", '"') } else { $wordToComplete }
  function Offer([string] $text) {
    $quoted = if ($text -match '[\\s''"\`$;&|(){}<>@#,]') { "'" + $text.Replace("'", "''") + "'" } else { $text }
    [System.Management.Automation.CompletionResult]::new($quoted, $text, 'ParameterValue', $text)
  }
  function Matching($candidates, [string] $before, [string] $item) {
    $candidates | Where-Object { $_.StartsWith($item, [StringComparison]::Ordinal) } | ForEach-Object { Offer ($before + $_) }
  }
  function Paths([string] $before, [string] $item, [bool] $folders) {
    $parent = if ($item -match '[/\\\\]') { $item -replace '[^/\\\\]*$', '' } else { '' }
    $where = if ($parent) { $parent } else { '.' }
    Get-ChildItem -LiteralPath $where -Directory:$folders -ErrorAction SilentlyContinue |
      Where-Object { $_.Name.StartsWith($item.Substring($parent.Length), [StringComparison]::OrdinalIgnoreCase) } |
      ForEach-Object { Offer ($before + $parent + $_.Name) }
  }
  # The layers of the first file on the line, but for those that flags are given.
  function Layers {
    for ($i = 2; $i -lt $words.Count; $i++) {
      if ($takeValues -notcontains $words[$i - 1] -and (Test-Path -LiteralPath $words[$i] -PathType Leaf)) {
        return @(& spherize completion layers $words[$i] 2>$null)
      }
    }
  }
  if ($words.Count -lt 2) {
    Matching ${list([...names, 'help', ...MODEL_WORDS])} '' $typed
    Paths '' $typed $false
    return
  }
  if ($words[1] -eq 'help') { Matching ${list(names)} '' $typed; return }
  $own = $commands[$words[1]]
  if (-not $own) { return }
  $flag = $words[-1]
  $before = ''
  if ($typed -match '^(--[a-z0-9-]+)=(.*)$') { $flag = $Matches[1]; $before = $flag + '='; $typed = $Matches[2] }
  $values = if ($own.Flags.ContainsKey($flag)) { $own.Flags[$flag] } else { $null }
  if ($values) {
    $form = $dataForms | Where-Object { $values.Kind -eq 'data' -and $typed.StartsWith($_) } | Select-Object -First 1
    if ($form) {
      $item = $typed -replace '^.*[:,]', ''
      Paths ($before + $typed.Substring(0, $typed.Length - $item.Length)) $item ($form -eq 'folder:')
      return
    }
    $item = if ($values.List) { $typed -replace '^.*,', '' } else { $typed }
    $before += $typed.Substring(0, $typed.Length - $item.Length)
    switch ($values.Kind) {
      'layers' { Matching @(Layers | ForEach-Object { $_ + $values.Behind }) $before $item }
      'files' { Paths $before $item $false }
      'folders' { Paths $before $item $true }
      default { Matching $values.Words $before $item }
    }
    return
  }
  if ($typed.StartsWith('-')) { Matching @($own.Flags.Keys | Sort-Object) '' $typed; return }
  Matching $own.Words '' $typed
  Paths '' $typed $false
}
`;
}

function value(values: Values): string {
  const words = 'words' in values ? values.words : [];
  const several = values.kind === 'layers' || (values.kind === 'words' && values.list);
  const behind = values.kind === 'layers' ? `; Behind = ${quoted(values.behind)}` : '';
  return `@{ Kind = ${quoted(values.kind)}; Words = ${list(words)}; List = ${several ? '$true' : '$false'}${behind} }`;
}

function list(words: readonly string[]): string {
  return `@(${words.map(quoted).join(', ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
