/** Scripts that complete commands, flags and file names, made from the commands themselves. */
import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(program: Command, shell: Shell): string {
  return { bash, zsh, fish }[shell](program);
}

const flagsOf = (command: Command): string[] =>
  command.options.flatMap(({ long, short }) => [long, short]).filter((flag) => flag != null);

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
  const cases = program.commands.map((command) => {
    const flags = command.options
      .filter(({ long }) => long != null)
      .map(
        ({ long, description, required }) =>
          `'*${long}[${text(description)}]${required ? ':value:_files' : ''}'`,
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
        ({ long, short, description, required }) =>
          `complete -c spherize -n '__fish_seen_subcommand_from ${command.name()}' -l ${long!.slice(2)}${short ? ` -s ${short.slice(1)}` : ''}${required ? ' -r' : ''} -d ${quoted(description)}`,
      ),
  ]);
  return `# spherize completion fish\n${lines.join('\n')}\n`;
}
