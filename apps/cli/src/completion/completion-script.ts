/** Scripts that complete commands, flags, their values, layers and file names, made from the commands themselves. */
import type { Command, Option } from 'commander';
import { ChoiceOption } from '../options/choice-option.js';
import { takesClusterers } from '../recipe/recipe.js';
import { clustererWords } from '../terminal/clusterer-help.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(program: Command, shell: Shell): string {
  return { bash, zsh, fish }[shell](program);
}

/** The flags after which a layer of the model stands, and what follows its name. */
const LAYER_FLAGS: ReadonlyMap<string, string> = new Map([
  ['--layers', ''],
  ['--ratio', '='],
]);

const flagsOf = ({ long, short }: Option): string[] => [long, short].filter((flag) => flag != null);

/** All flags that take a value: what stands after one is no model. */
function valueFlags(program: Command): string {
  const options = program.commands.flatMap((command) => command.options);
  return [...new Set(options.filter(({ required }) => required).flatMap(flagsOf))].join(' ');
}

/** The words that may stand after a flag, where they are known. */
function wordsOf(option: Option): readonly string[] {
  if (takesClusterers(option)) return clustererWords();
  return option instanceof ChoiceOption ? option.words : [];
}

/** All flags with words to choose from; a flag of several commands has the words of all. */
function wordsByFlag(program: Command): ReadonlyMap<string, ReadonlySet<string>> {
  const words = new Map<string, Set<string>>();
  for (const option of program.commands.flatMap(({ options }) => options)) {
    const own = wordsOf(option);
    if (own.length > 0) words.set(option.long!, new Set([...(words.get(option.long!) ?? []), ...own]));
  }
  return words;
}

// The names of layers come from files that anybody may have made: they are compared and printed, and never evaluated.
function bash(program: Command): string {
  const commands = program.commands.map(
    (command) => `    ${command.name()}) flags='${command.options.flatMap(flagsOf).join(' ')}' ;;`,
  );
  const words = [...wordsByFlag(program)].map(
    ([flag, own]) => `    ${flag}) words=(${[...own].map((word) => `'${word}'`).join(' ')}) ;;`,
  );
  const layers = [...LAYER_FLAGS].map(
    ([flag, behind]) =>
      `    ${flag}) while IFS= read -r word; do words+=("$word${behind}"); done < <(_spherize_layers) ;;`,
  );
  return `# spherize completion bash
# The layers of the first file on the line, but for those that flags are given.
_spherize_layers() {
  local i word
  for ((i = 2; i < COMP_CWORD; i++)); do
    case " ${valueFlags(program)} " in *" \${COMP_WORDS[i-1]} "*) continue ;; esac
    word="\${COMP_WORDS[i]//[\\\\\\"\\']/}"
    if [ -f "$word" ]; then
      spherize completion layers "$word" 2>/dev/null
      return
    fi
  done
}
_spherize() {
  local current="\${COMP_WORDS[COMP_CWORD]}" flags=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${program.commands.map((command) => command.name()).join(' ')} help' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.join('\n')}
  esac
  local line="\${COMP_LINE:0:COMP_POINT}"
  local typed="\${line##* }" before="\${line% *}" word words=()
  local item="\${typed##*,}"
  case "\${before##* }" in
${[...words, ...layers].join('\n')}
  esac
  COMPREPLY=()
  for word in \${words[@]+"\${words[@]}"}; do
    if [[ "$word" == "$item"* ]]; then
      word="\${typed%"$item"}$word"
      # The shell takes words apart at : and =, and only the last part is replaced.
      COMPREPLY+=("\${word#"\${typed%"\${typed##*[:=]}"}"}")
    fi
  done
  if [ "\${#COMPREPLY[@]}" -gt 0 ]; then
    compopt -o nospace 2>/dev/null
    return
  fi
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
  const value = (option: Option): string => {
    const behind = LAYER_FLAGS.get(option.long!);
    if (behind !== undefined) return `:layer:{_spherize_layers "${behind}"}`;
    const words = wordsOf(option);
    return words.length > 0 ? `:value:{compadd -- ${text(words.join(' '))}; _files}` : ':value:_files';
  };
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
# The layers of the first file on the line, but for those that flags are given; $1 follows a layer's name.
_spherize_layers() {
  local -a flags=(${valueFlags(program)}) layers
  local i
  for (( i = 2; i < CURRENT; i++ )); do
    if (( ! \${flags[(Ie)\${words[i-1]}]} )) && [[ -f "\${(Q)words[i]}" ]]; then
      layers=("\${(@f)$(spherize completion layers "\${(Q)words[i]}" 2>/dev/null)}")
      compset -P '*,'
      compadd -S "$1" -- $layers
      return
    fi
  done
}
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
  const offered = (option: Option): string => {
    const behind = LAYER_FLAGS.get(option.long!);
    if (behind !== undefined) return ` -f -a ${quoted(`(__spherize_layers '${behind}')`)}`;
    const words = wordsOf(option);
    return words.length > 0 ? ` -a ${quoted(words.join(' '))}` : '';
  };
  const lines = program.commands.flatMap((command) => [
    `complete -c spherize -n __fish_use_subcommand -f -a ${command.name()} -d ${quoted(command.description())}`,
    ...command.options
      .filter(({ long }) => long != null)
      .map(
        (option) =>
          `complete -c spherize -n '__fish_seen_subcommand_from ${command.name()}' -l ${option.long!.slice(2)}${option.short ? ` -s ${option.short.slice(1)}` : ''}${option.required ? ' -r' : ''}${offered(option)} -d ${quoted(option.description)}`,
      ),
  ]);
  return `# spherize completion fish
# The layers of the first file on the line, but for those that flags are given; $argv[1] follows a layer's name.
function __spherize_layers
  set -l words (commandline -opc)
  set -l typed (commandline -ct | string replace -r '[^,]*$' '')
  for i in (seq 3 (count $words))
    if test -f $words[$i]; and not contains -- $words[(math $i - 1)] ${valueFlags(program)}
      for layer in (spherize completion layers $words[$i] 2>/dev/null)
        echo $typed$layer$argv[1]
      end
      return
    end
  end
end
${lines.join('\n')}
`;
}
