import type { Command, Option } from 'commander';
import { recipeOptions, SCHEMA_URL } from './recipe.js';

type Schema = Readonly<Record<string, unknown>>;

const LIST: Schema = {
  anyOf: [
    { type: ['number', 'string'] },
    { type: 'array', items: { type: ['number', 'string'] } },
    { type: 'object', additionalProperties: { type: 'number' } },
  ],
};

/** What stands after a flag, by the word that its help uses. */
const TYPES: Readonly<Record<string, Schema>> = {
  n: { type: 'integer', minimum: 0 },
  s: { type: 'number', minimum: 0 },
  seconds: { type: 'number', exclusiveMinimum: 0 },
  share: { type: 'number', minimum: 0, exclusiveMaximum: 1 },
  size: { type: ['string', 'number'] },
  list: LIST,
  names: LIST,
  values: LIST,
  sizes: LIST,
  ratio: LIST,
};

/** The JSON schema of recipes, from the commands themselves. */
export function recipeSchema(program: Command): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: SCHEMA_URL,
    title: 'Recipe of a spherize command',
    oneOf: program.commands
      .filter((command) => command.options.some((option) => option.name() === 'config'))
      .map(commandSchema),
  };
}

function commandSchema(command: Command): Schema {
  const values = command.registeredArguments.map((argument): [string, Schema] => [
    argument.name(),
    {
      description: argument.description,
      ...(argument.variadic ? { type: 'array', items: { type: 'string' } } : { type: 'string' }),
    },
  ]);
  const flags = recipeOptions(command).map((option): [string, Schema] => [
    option.name(),
    optionSchema(option),
  ]);
  return {
    title: command.name(),
    description: command.description(),
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      command: { const: command.name() },
      ...Object.fromEntries([...values, ...flags]),
    },
    required: ['command'],
    additionalProperties: false,
  };
}

function optionSchema(option: Option): Schema {
  const { description, defaultValue, defaultValueDescription } = option;
  const [, word] = /<(\w+)>/.exec(option.flags) ?? [];
  const type = word === undefined ? { type: 'boolean' } : (TYPES[word] ?? { type: 'string' });
  const shown =
    defaultValue === undefined || defaultValueDescription !== undefined ? {} : { default: defaultValue };
  return { description, ...type, ...shown };
}
