import type { Command, Option } from 'commander';
import {
  argumentWords,
  DATA_FORMS,
  flagsOf,
  MODEL_WORDS,
  namesOfValueFlags,
  type Values,
  valuesOf,
} from './values.js';

/** The script for zsh. */
export function zsh(program: Command): string {
  const cases = program.commands.map((command) => {
    const flags = command.options.flatMap((option) => flagsOf(option).map((flag) => spec(flag, option)));
    const words = argumentWords(command);
    const files = words.length > 0 ? `{compadd -- ${words.join(' ')}; _files}` : '_files';
    return `    ${command.name()}) _arguments ${flags.join(' ')} '*:file:${files}' ;;`;
  });
  const commands = program.commands.map((command) => `'${command.name()}:${text(command.description())}'`);
  const forms = [...DATA_FORMS].map(
    ([form, paths]) =>
      `  if compset -P '${form}'; then compset -P '*,'; _files${paths === 'folders' ? ' -/' : ''}; return; fi`,
  );
  return `#compdef spherize
# spherize completion zsh
# The layers of the first file on the line, but for those that flags are given; $1 follows a layer's name.
_spherize_layers() {
  local -a flags=(${namesOfValueFlags(program).join(' ')}) layers
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
# One of several words, separated by commas.
_spherize_list() {
  compset -P '*,'
  compadd -S '' -- "$@"
}
# Data: a word, or a form with files or a folder behind it.
_spherize_data() {
${forms.join('\n')}
  compadd -S '' -- "$@"
}
_spherize() {
  local -a commands=(${commands.join(' ')})
  if (( CURRENT == 2 )); then
    _describe command commands
    compadd -- ${MODEL_WORDS.join(' ')}
    _files -g '*.(onnx|json)'
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
    help) _describe command commands ;;
  esac
}
compdef _spherize spherize
`;
}

/** What _arguments is told of a flag. */
function spec(flag: string, option: Option): string {
  if (!option.required) return `'*${flag}[${text(option.description)}]'`;
  // The value of a long flag may also stand behind =.
  return `'*${flag}${flag.startsWith('--') ? '=' : ''}[${text(option.description)}]${action(valuesOf(option))}'`;
}

function action(values: Values): string {
  const words = (all: readonly string[]): string => text(all.join(' '));
  switch (values.kind) {
    case 'words':
      return `:value:{${values.list ? '_spherize_list' : 'compadd --'} ${words(values.words)}}`;
    case 'data':
      return `:data:{_spherize_data ${words(values.words)}}`;
    case 'layers':
      return `:layer:{_spherize_layers "${values.behind}"}`;
    case 'files':
      return ':file:_files';
    case 'folders':
      return ':folder:_files -/';
    case 'unknown':
      return ':value: ';
  }
}

/** Words as they stand in a description in single quotes. */
function text(words: string): string {
  return words.replace(/[\\'[\]:]/g, (found) => (found === "'" ? "'\\''" : `\\${found}`));
}
