// Clustering by Spherize against faiss, scikit-learn, ml-kmeans and skmeans, on the same vectors:
//   node bench/clustering/run.mjs [--input fc7|fc6|gaussian] [--only sweep|single|small|bounds]... [--quick] [--size n] [--json]
import { parseArgs } from 'node:util';
import { Bench } from './bench.mjs';
import { bounds, layer, single, small, sweep } from './experiments.mjs';
import { machineLine, versions } from './machine.mjs';
import { printExperiment, printExtrapolations, printVerdict } from './report.mjs';

const INPUTS = ['gaussian', 'fc7', 'fc6'];
const PEERS = ['faiss', 'scikit-learn', 'ml-kmeans', 'skmeans'];

const { values: options } = parseArgs({
  options: {
    input: { type: 'string' },
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    size: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
if (options.input !== undefined && !INPUTS.includes(options.input)) {
  throw new Error(`--input: must be one of ${INPUTS.join(', ')}, got ${options.input}`);
}
const wanted = (part) => options.only === undefined || options.only.includes(part);
const size = options.size === undefined ? undefined : Number(options.size);
if (size !== undefined && !(Number.isInteger(size) && size >= 16)) {
  throw new Error(`--size: must be an integer of at least 16, got ${options.size}`);
}

const found = await versions();
const machine = machineLine(found);
const peers = new Set(PEERS.filter((name) => found[name] !== undefined));
const experiments = [];
const say = (print, ...figures) => {
  if (!options.json) print(...figures);
};
const add = (experiment) => {
  if (experiment === undefined) return undefined;
  experiments.push(experiment);
  say(printExperiment, experiment);
  return experiment;
};

// So that the vectors' file goes away with an interrupted run.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
say(console.log, machine);
for (const name of PEERS) if (!peers.has(name)) say(console.log, `${name}: not installed, skipped`);
for (const input of INPUTS) {
  if (options.input !== undefined && options.input !== input) continue;
  const bench = await Bench.open(input, size);
  try {
    if (input === 'fc6') {
      add(await layer(bench, peers));
      continue;
    }
    const figures = {
      sweep: wanted('sweep') ? add(await sweep(bench, peers, options)) : undefined,
      single: wanted('single') ? add(await single(bench, peers)) : undefined,
      small: wanted('small') ? add(await small(input, peers, { size, quick: options.quick })) : undefined,
    };
    if (figures.sweep) say(printExtrapolations, figures);
    if (input === 'fc7' && wanted('bounds')) add(await bounds(bench));
  } finally {
    await bench.close();
  }
}
say(printVerdict, experiments);
if (options.json) console.log(JSON.stringify({ machine, versions: found, experiments }, undefined, 2));
