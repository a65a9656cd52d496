import type { Command, Option } from 'commander';
import {
  argumentWords,
  DATA_FORMS,
  MODEL_WORDS,
  namesOfValueFlags,
  type Values,
  valuesOf,
} from './values.js';

/** The script for fish. */
export function fish(program: Command): string {
  const lines = program.commands.flatMap((command) => [
    `complete -c spherize -n __fish_use_subcommand -f -a ${command.name()} -d ${quoted(command.description())}`,
    `complete -c spherize -n '__fish_seen_subcommand_from help' -f -a ${command.name()}`,
    ...argumentWords(command).map((word) => `complete -c spherize -n ${seen(command)} -a ${word}`),
    ...command.options.map(
      (option) =>
        `complete -c spherize -n ${seen(command)}${names(option)}${option.required ? action(valuesOf(option)) : ''} -d ${quoted(option.description)}`,
    ),
  ]);
  const forms = [...DATA_FORMS].map(([form, paths]) => {
    const only = paths === 'folders' ? " | string match -r '.*/$'" : '';
    return `    case '${form}*'
      set -l before (string replace -r '[^:,]*$' '' -- $typed)
      set -l path (string replace -r '.*[:,]' '' -- $typed)
      for found in (complete -C "__spherize_none $path" | string replace -r '\\t.*' ''${only})
        echo $before$found
      end`;
  });
  return `# spherize completion fish
# The layers of the first file on the line, but for those that flags are given; $argv[1] follows a layer's name.
function __spherize_layers
  set -l words (commandline -opc)
  set -l typed (commandline -ct | string replace -r '[^,=]*$' '' | string replace -r '^--[a-z]+=' '')
  for i in (seq 3 (count $words))
    if test -f $words[$i]; and not contains -- $words[(math $i - 1)] ${namesOfValueFlags(program).join(' ')}
      for layer in (spherize completion layers $words[$i] 2>/dev/null)
        echo $typed$layer$argv[1]
      end
      return
    end
  end
end
# Words behind those that are typed already, separated by commas.
function __spherize_list
  set -l typed (commandline -ct | string replace -r '^--[a-z-]+=' '' | string replace -r '[^,]*$' '')
  printf '%s\\n' $typed$argv
end
# Data: a word, or a form with files or a folder behind it.
function __spherize_data
  set -l typed (commandline -ct | string replace -r '^--[a-z-]+=' '')
  switch $typed
${forms.join('\n')}
    case '*'
      printf '%s\\n' $argv
  end
end
complete -c spherize -n __fish_use_subcommand -a '${MODEL_WORDS.join(' ')}'
${lines.join('\n')}
`;
}

function seen(command: Command): string {
  return `'__fish_seen_subcommand_from ${command.name()}'`;
}

function names({ long, short }: Option): string {
  return ` -l ${long!.slice(2)}${short ? ` -s ${short.slice(1)}` : ''}`;
}

function action(values: Values): string {
  switch (values.kind) {
    case 'words':
      return ` -x -a ${quoted(values.list ? `(__spherize_list ${values.words.join(' ')})` : values.words.join(' '))}`;
    case 'data':
      return ` -x -a ${quoted(`(__spherize_data ${values.words.join(' ')})`)}`;
    case 'layers':
      return ` -x -a ${quoted(`(__spherize_layers '${values.behind}')`)}`;
    case 'files':
      return ' -r -F';
    case 'folders':
      return " -x -a '(__fish_complete_directories (commandline -ct))'";
    case 'unknown':
      return ' -x';
  }
}

function quoted(words: string): string {
  return `'${words.replace(/[\\']/g, '\\$&')}'`;
}
