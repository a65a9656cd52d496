// Writes recipe.schema.json from the commands, after a build: node apps/cli/recipe-schema.mjs
import { writeFileSync } from 'node:fs';
import { createProgram } from './dist/program.js';
import { recipeSchema } from './dist/recipe/recipe-schema.js';

const schema = recipeSchema(createProgram());
writeFileSync(new URL('recipe.schema.json', import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
