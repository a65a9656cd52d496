import type { Command } from 'commander';
import {
  argumentWords,
  DATA_FORMS,
  flagsOf,
  MODEL_WORDS,
  namesOfValueFlags,
  type ValueFlag,
  type Values,
  valueFlags,
} from './values.js';

// The names of layers come from files that anybody may have made: they are compared and printed, and never evaluated.
/** The script for bash. */
export function bash(program: Command): string {
  const commands = program.commands.map(
    (command) =>
      `    ${command.name()}) flags='${command.options.flatMap(flagsOf).join(' ')}'; words=(${argumentWords(command).join(' ')}) ;;`,
  );
  const values = [...groups(valueFlags(program))].map(
    ([action, patterns]) => `    ${patterns.join('|')}) ${action} ;;`,
  );
  return `# spherize completion bash
# The layers of the first file on the line, but for those that flags are given.
_spherize_layers() {
  local i word
  for ((i = 2; i < COMP_CWORD; i++)); do
    case " ${namesOfValueFlags(program).join(' ')} " in *" \${COMP_WORDS[i-1]} "*) continue ;; esac
    word="\${COMP_WORDS[i]//[\\\\\\"\\']/}"
    if [ -f "$word" ]; then
      spherize completion layers "$word" 2>/dev/null
      return
    fi
  done
}
# Files (-f) or folders (-d) for the last of several paths that $typed ends with.
_spherize_paths() {
  local path="\${typed##*[:=,]}" word
  while IFS= read -r word; do
    word="\${typed%"$path"}$word"
    COMPREPLY+=("\${word#"\${typed%"\${typed##*[:=]}"}"}")
  done < <(compgen "$1" -- "$path")
}
_spherize() {
  local current="\${COMP_WORDS[COMP_CWORD]}" flags='' words=() kind=-f word
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${program.commands.map((command) => command.name()).join(' ')} help ${MODEL_WORDS.join(' ')}' -- "$current"))
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -G "$current*.onnx"; compgen -G "$current*.json")
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.join('\n')}
    help) words=(${program.commands.map((command) => command.name()).join(' ')}) ;;
  esac
  local line="\${COMP_LINE:0:COMP_POINT}"
  local typed="\${line##* }" before="\${line% *}"
  local flag="\${before##* }"
  if [[ "$typed" == --*=* ]]; then
    flag="\${typed%%=*}"
    typed="\${typed#*=}"
    current="\${typed##*[:=]}"
  fi
  local item="\${typed##*,}"
  case "\${COMP_WORDS[1]} $flag" in
${values.join('\n')}
  esac
  if [[ "$kind" == data ]]; then
    case "$typed" in
${[...DATA_FORMS].map(([form, paths]) => `      ${form}*) _spherize_paths ${paths === 'files' ? '-f' : '-d'}; return ;;`).join('\n')}
    esac
    kind=none
  fi
  for word in \${words[@]+"\${words[@]}"}; do
    if [[ "$word" == "$item"* ]]; then
      word="\${typed%"$item"}$word"
      # The shell takes words apart at : and =, and only the last part is replaced.
      COMPREPLY+=("\${word#"\${typed%"\${typed##*[:=]}"}"}")
    fi
  done
  if [ "\${#COMPREPLY[@]}" -gt 0 ] && [ "$kind" != -f ]; then
    compopt -o nospace 2>/dev/null
    return
  fi
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *)
      if [ "$kind" != none ]; then
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$kind" -- "$current")
      fi
      ;;
  esac
}
complete -o filenames -F _spherize spherize
`;
}

/** Flags by what is done for them; one that means the same in all commands stands for all of them. */
function groups(flags: readonly ValueFlag[]): Map<string, string[]> {
  const actions = new Map<string, Map<string, string[]>>();
  for (const { command, option, values } of flags)
    for (const flag of flagsOf(option)) {
      const own = actions.get(flag) ?? new Map<string, string[]>();
      actions.set(flag, own);
      own.set(action(values), [...(own.get(action(values)) ?? []), command.name()]);
    }
  const patterns = new Map<string, string[]>();
  for (const [flag, own] of actions)
    for (const [what, names] of own) {
      const cases = own.size === 1 ? [`*' ${flag}'`] : names.map((name) => `'${name} ${flag}'`);
      patterns.set(what, [...(patterns.get(what) ?? []), ...cases]);
    }
  return patterns;
}

function action(values: Values): string {
  const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');
  switch (values.kind) {
    case 'words':
      return `words=(${quoted(values.words)}) kind=none`;
    case 'data':
      return `words=(${quoted(values.words)}) kind=data`;
    case 'layers':
      return `words=() kind=none; while IFS= read -r word; do words+=("$word${values.behind}"); done < <(_spherize_layers)`;
    case 'files':
      return 'words=() kind=-f';
    case 'folders':
      return 'words=() kind=-d';
    case 'unknown':
      return 'words=() kind=none';
  }
}
