/** Scripts that complete commands, flags and file names, made from the commands themselves. */
import type { Command, Option } from 'commander';
import { takesClusterers } from '../recipe/recipe.js';
import { clustererWords } from '../terminal/clusterer-help.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(program: Command, shell: Shell): string {
  return { bash, zsh, fish }[shell](program);
}

const flagsOf = (command: Command): string[] =>
  command.options.flatMap(({ long, short }) => [long, short]).filter((flag) => flag != null);

/** The flags after which a clusterer stands. */
const clustererFlags = (program: Command): string[] => [
  ...new Set(
    program.commands.flatMap(({ options }) => options.filter(takesClusterers).map(({ long }) => long!)),
  ),
];

function bash(program: Command): string {
  const cases = program.commands.map(
    (command) => `    ${command.name()}) flags='${flagsOf(command).join(' ')}' ;;`,
  );
  return `# spherize completion bash
_spherize() {
  local current="\${COMP_WORDS[COMP_CWORD]}" flags=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${program.commands.map((command) => command.name()).join(' ')} help' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  local line="\${COMP_LINE:0:COMP_POINT}"
  local typed="\${line##* }" before="\${line% *}"
  case "\${before##* }" in
    ${clustererFlags(program).join('|')})
      local item="\${typed##*,}"
      COMPREPLY=($(compgen -W '${clustererWords().join(' ')}' -- "$item"))
      if [ "\${#COMPREPLY[@]}" -gt 0 ]; then
        COMPREPLY=("\${COMPREPLY[@]/#/\${typed%"$item"}}")
        # The shell takes words apart at : and =, and only the last part is replaced.
        COMPREPLY=("\${COMPREPLY[@]#"\${typed%"\${typed##*[:=]}"}"}")
        compopt -o nospace 2>/dev/null
        return
      fi ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _spherize spherize
`;
}

function zsh(program: Command): string {
  const text = (words: string): string =>
    words.replace(/[\\'[\]:]/g, (found) => (found === "'" ? "'\\''" : `\\${found}`));
  const value = (option: Option): string =>
    takesClusterers(option)
      ? `:value:{compadd -- ${text(clustererWords().join(' '))}; _files}`
      : ':value:_files';
  const cases = program.commands.map((command) => {
    const flags = command.options
      .filter(({ long }) => long != null)
      .map(
        (option) => `'*${option.long}[${text(option.description)}]${option.required ? value(option) : ''}'`,
      );
    return `    ${command.name()}) _arguments ${flags.join(' ')} '*:file:_files' ;;`;
  });
  const commands = program.commands.map((command) => `'${command.name()}:${text(command.description())}'`);
  return `#compdef spherize
# spherize completion zsh
_spherize() {
  local -a commands=(${commands.join(' ')})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
compdef _spherize spherize
`;
}

function fish(program: Command): string {
  const quoted = (words: string): string => `'${words.replace(/[\\']/g, '\\$&')}'`;
  const lines = program.commands.flatMap((command) => [
    `complete -c spherize -n __fish_use_subcommand -f -a ${command.name()} -d ${quoted(command.description())}`,
    ...command.options
      .filter(({ long }) => long != null)
      .map(
        (option) =>
          `complete -c spherize -n '__fish_seen_subcommand_from ${command.name()}' -l ${option.long!.slice(2)}${option.short ? ` -s ${option.short.slice(1)}` : ''}${option.required ? ' -r' : ''}${takesClusterers(option) ? ` -a ${quoted(clustererWords().join(' '))}` : ''} -d ${quoted(option.description)}`,
      ),
  ]);
  return `# spherize completion fish\n${lines.join('\n')}\n`;
}
