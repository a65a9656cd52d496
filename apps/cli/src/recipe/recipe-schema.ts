import { type Clusterer, type ClustererOption, clusterers, optionTable } from '@spherize/core';
import type { Command, Option } from 'commander';
import { recipeOptions, SCHEMA_URL, valueWord } from './recipe.js';

type Schema = Readonly<Record<string, unknown>>;

const ITEM: Schema = { type: ['number', 'string'] };
const LIST: Schema = { anyOf: [ITEM, { type: 'array', minItems: 1, items: ITEM }] };
const BY_LAYER: Schema = { type: 'object', minProperties: 1, additionalProperties: { type: 'number' } };
const RATIOS: Schema = {
  anyOf: [ITEM, BY_LAYER, { type: 'array', minItems: 1, items: { anyOf: [ITEM, BY_LAYER] } }],
};

/** A clusterer: its name, or with options of its own, which are known for those that are built in. */
const CLUSTERER: { readonly anyOf: readonly Schema[] } = {
  anyOf: [
    { type: 'string' },
    ...clusterers.builtIn.map(builtInSchema),
    namedSchema(
      { type: 'string', not: { enum: clusterers.builtIn.map(({ name }) => name) } },
      { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
    ),
  ],
};

/** What stands after a flag, by the word that its help uses. */
const TYPES: Readonly<Record<string, Schema>> = {
  n: { type: 'integer', minimum: 0 },
  s: { type: 'number', minimum: 0 },
  seconds: { type: 'number', exclusiveMinimum: 0 },
  share: { type: 'number', minimum: 0, exclusiveMaximum: 1 },
  size: { type: ['string', 'number'] },
  offset: { type: 'integer' },
  shape: {
    anyOf: [
      { type: 'string' },
      { type: 'array', items: { type: ['number', 'string'] } },
      { type: 'object', additionalProperties: { type: 'array', items: { type: ['number', 'string'] } } },
    ],
  },
  list: LIST,
  names: LIST,
  values: LIST,
  sizes: LIST,
  ratio: RATIOS,
  clusterer: CLUSTERER,
  clusterers: { anyOf: [...CLUSTERER.anyOf, { type: 'array', minItems: 1, items: CLUSTERER }] },
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
  const word = valueWord(option);
  const type = word === undefined ? { type: 'boolean' } : (TYPES[word] ?? { type: 'string' });
  const shown =
    defaultValue === undefined || defaultValueDescription !== undefined ? {} : { default: defaultValue };
  return { description, ...type, ...shown };
}

function builtInSchema(clusterer: Clusterer): Schema {
  const options = Object.entries(optionTable(clusterer)).map(([name, option]) => [name, valueSchema(option)]);
  return namedSchema(
    { const: clusterer.name },
    { type: 'object', properties: Object.fromEntries(options), additionalProperties: false },
  );
}

function namedSchema(name: Schema, options: Schema): Schema {
  return { type: 'object', properties: { name, options }, required: ['name'], additionalProperties: false };
}

function valueSchema(option: ClustererOption): Schema {
  const { description, default: usual } = option;
  if (option.type === 'enum') return { description, enum: option.values, default: usual };
  if (option.type === 'boolean') return { description, type: 'boolean', default: usual };
  const { type, min, max } = option;
  return {
    description,
    type,
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
    default: usual,
  };
}
