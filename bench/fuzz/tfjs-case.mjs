/** One mutated TensorFlow.js model by its choices. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GRAPH_MUTATIONS } from './tfjs-graph-mutations.mjs';
import { seedGraphModel } from './tfjs-graph-seeds.mjs';
import { LAYERS_MUTATIONS } from './tfjs-layers-mutations.mjs';
import { FILE_MUTATIONS, TEXT_MUTATIONS } from './tfjs-mutations.mjs';
import { seedLayersModel } from './tfjs-seeds.mjs';

const KINDS = {
  layers: { seed: seedLayersModel, mutations: { ...FILE_MUTATIONS, ...LAYERS_MUTATIONS } },
  graph: { seed: seedGraphModel, mutations: { ...FILE_MUTATIONS, ...GRAPH_MUTATIONS } },
};

/**
 * Writes the mutant into a folder and returns its path and what was done to it.
 *
 * @param kind `layers` or `graph`
 */
export function writeTfjsCase(folder, choices, kind) {
  const { seed, mutations } = KINDS[kind];
  const model = seed(choices);
  const applied = [];
  for (let i = choices.pick([0, 1, 1, 1, 2, 3]); i > 0; i--) {
    const name = choices.pick(Object.keys(mutations));
    try {
      mutations[name](model, choices);
      applied.push(name);
    } catch (error) {
      // An earlier one removed what this one changes.
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    }
  }
  let text = JSON.stringify(model.json);
  if (choices.chance(0.06)) {
    const name = choices.pick(Object.keys(TEXT_MUTATIONS));
    text = TEXT_MUTATIONS[name](text, choices);
    applied.push(name);
  }
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'model.json');
  writeFileSync(path, text);
  const half = model.bytes.length >> 1;
  writeFileSync(join(folder, 'shard1.bin'), model.bytes.subarray(0, half));
  writeFileSync(join(folder, 'shard2.bin'), model.bytes.subarray(half));
  // What shards may and may not be.
  writeFileSync(join(folder, 'data.bin'), new Uint8Array(4096));
  writeFileSync(join(folder, '..', 'outside.bin'), new Uint8Array(4096));
  symlinkSync('../outside.bin', join(folder, 'link.bin'));
  return { path, applied };
}
