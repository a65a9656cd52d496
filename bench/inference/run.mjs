// Compressed models against the original, and against plain models whose layers simply have as few columns:
//   node bench/inference/run.mjs [--only layer|imagenet|fashion]... [--part layers|whole]... [--block n | --apart] [--quick] [--folder DIR] [--json]
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alternate, alternateProcesses } from './latency.mjs';
import { prepare, SUBJECTS } from './models.mjs';
import { printBytes, printTimes, printVerdict } from './report.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    part: { type: 'string', multiple: true },
    block: { type: 'string' },
    apart: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    folder: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const PARTS = ['layers', 'whole'];
const chosen = (flag, known, given) => {
  for (const name of given ?? []) {
    if (!known.includes(name)) throw new Error(`--${flag}: must be one of ${known.join(', ')}, got ${name}`);
  }
  return given ?? known;
};
const subjects = chosen('only', Object.keys(SUBJECTS), options.only);
const partsWanted = chosen('part', PARTS, options.part);
if (options.apart && options.block)
  throw new Error('--apart and --block exclude each other: give one of them');
const block = Number(options.block ?? 1);
if (!(Number.isInteger(block) && block >= 1)) {
  throw new Error(`--block: must be an integer of at least 1, got ${options.block}`);
}
const ratios = options.quick ? [0.75] : [0.5, 0.75, 0.9];
const batches = [1, 16, 64];
const seconds = options.quick ? 1 : 3;

const say = (print, ...values) => {
  if (!options.json) print(...values);
};
const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'spherize-bench-')));
if (options.folder === undefined) {
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
}
const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores; Node ${process.versions.node}; load at the start ${loadavg()[0].toFixed(1)}`;
say(console.log, machine);
const results = [];
for (const name of subjects) {
  const subject = await prepare(folder, name, ratios);
  const { files, title, onlyPart, bytes, layerBytes } = subject;
  const result = { name, title, bytes, layerBytes, ratios: [] };
  for (const ratio of ratios) {
    const { compressed, plain, columns } = files.ratios[ratio];
    const row = { ratio, columns, compressedBytes: compressed.bytes, plainBytes: plain.bytes, times: [] };
    for (const part of onlyPart ? ['layers'] : partsWanted) {
      const key = part === 'whole' ? 'whole' : 'part';
      const paths = { original: files.original[key], plain: plain[key], compressed: compressed[key] };
      for (const batch of batches) {
        const measured = options.apart
          ? await alternateProcesses(paths, batch, seconds)
          : await alternate(paths, batch, seconds, block);
        row.times.push({ part, batch, ...measured });
      }
    }
    result.ratios.push(row);
  }
  results.push(result);
  say(printTimes, result);
  if (!onlyPart) say(printBytes, result);
}
say(printVerdict, results);
if (options.json) console.log(JSON.stringify({ machine, results }, undefined, 2));
