/**
 * Measures the models that people ship in npm packages, before and after neurons have left them:
 *
 *     node bench/zoo/run.mjs [--only PATTERN]... [--ratios 0.5,0.75] [--seconds S | --skip-latency] [--json FILE] [--markdown FILE]
 *         [--shard I/N] [--journal FILE] [--times JOURNAL]
 *
 * A run that was broken off goes on where it stopped; `--restart` measures again what was chosen. `--shard` takes every N-th model; the
 * journals of all shards, put together, are one that `--journal` takes. `--times` is the journal of another run, with times: narrower models
 * of one shape take as long, whatever they compute.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../../apps/cli/dist/embedded/embedded-model.js';
import { modelsBelow, unpackPackage } from './install.mjs';
import { Journal, timesOf, withTimes } from './journal.mjs';
import { machineLine } from './machine.mjs';
import { PACKAGES } from './packages.mjs';
import { page } from './page.mjs';
import { measureApart } from './run-apart.mjs';
import { shardOf } from './shard.mjs';
import { tables, textOf } from './table.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    ratios: { type: 'string', default: '0.5,0.75' },
    seconds: { type: 'string', default: '2' },
    quick: { type: 'boolean', default: false },
    'skip-latency': { type: 'boolean', default: false },
    limit: { type: 'string', default: '300' },
    memory: { type: 'string', default: '6' },
    workers: { type: 'string', default: '1' },
    restart: { type: 'boolean', default: false },
    shard: { type: 'string', default: '1/1' },
    journal: { type: 'string' },
    times: { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'string' },
  },
});
const settings = {
  ratios: values.ratios.split(',').filter(Boolean).map(Number),
  seconds: values['skip-latency'] ? 0 : Number(values.seconds),
  quick: values.quick,
};
const limits = { seconds: Number(values.limit), bytes: 1e9 * Number(values.memory) };
const folder = join(cacheFolder(), 'zoo');
const journal = new Journal(values.journal ?? join(folder, 'journal.jsonl'), {
  ...settings,
  node: process.versions.node,
});
const controller = new AbortController();
process.once('SIGINT', () => controller.abort(new Error('interrupted: the same command goes on')));

try {
  const models = await zoo();
  const named = models.filter(({ name }) => values.only?.some((part) => name.includes(part)) ?? true);
  const chosen = shardOf(named, values.shard);
  if (named.length === 0) {
    const names = models.map(({ name }) => name).join(', ');
    throw new Error(
      `--only: no model has ${values.only.join(' or ')} in its name, expected part of one of ${names}`,
    );
  }
  const results = new Map();
  const waiting = [...chosen];
  const workers = settings.seconds > 0 ? 1 : Number(values.workers);
  await Promise.all(Array.from({ length: workers }, () => workThrough(waiting, results)));
  const times = values.times === undefined ? undefined : timesOf(values.times);
  report(
    chosen.map(({ name, format }) => ({
      model: name,
      format,
      result: withTimes(results.get(name), times?.get(name)),
    })),
  );
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = controller.signal.aborted ? 130 : 2;
}

async function zoo() {
  const models = [];
  for (const source of PACKAGES) {
    const unpacked = await unpackPackage(source, folder);
    for (const { name, ...model } of modelsBelow(unpacked))
      models.push({ name: `${source.name}/${name}`, ...model });
  }
  return models;
}

async function workThrough(waiting, results) {
  for (let model = waiting.shift(); model !== undefined; model = waiting.shift()) {
    let result = values.restart ? undefined : journal.get(model.name);
    if (result === undefined) {
      const started = performance.now();
      result = await measureApart(model, settings, limits, controller.signal);
      journal.add(model.name, result);
      const took = ((performance.now() - started) / 1000).toFixed(1);
      process.stderr.write(`${model.name}: ${result.failed ?? 'done'}, ${took} s\n`);
    }
    results.set(model.name, result);
  }
}

function report(entries) {
  const found = tables(entries, settings.ratios);
  const provenance = {
    machine: machineLine(),
    packages: PACKAGES.map(({ name, version }) => `${name} ${version}`),
    command: ['node', 'bench/zoo/run.mjs', ...process.argv.slice(2)].join(' '),
  };
  process.stdout.write(`${provenance.machine}\n\n${textOf(found)}\n`);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ ...provenance, settings, entries }, undefined, 2)}\n`);
  if (values.markdown !== undefined)
    writeFileSync(values.markdown, page(found, provenance, { ...settings, times: values.times }));
}
