// Writes dist/recipe.schema.json, which editors read, from the commands; the last part of a build.
import { writeFileSync } from 'node:fs';
import { createProgram } from './dist/program.js';
import { recipeSchema } from './dist/recipe/recipe-schema.js';

const schema = recipeSchema(createProgram());
writeFileSync(new URL('dist/recipe.schema.json', import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
