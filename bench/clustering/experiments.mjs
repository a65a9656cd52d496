// What is measured. Every experiment returns raw figures; report.mjs turns them into tables.
import { Bench } from './bench.mjs';

export const CLUSTERERS = ['kmeans', 'spherical'];
export const RATIOS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const QUICK_RATIOS = [0.1, 0.5, 0.9];
/** Where scikit-learn is measured, and everybody else with it. */
const SINGLE_RATIO = 0.75;
/** Vectors and values of each that the JavaScript peers finish with. */
const SMALL_SIZE = 768;

/** All ratios and both clusterers, ours against faiss. */
export async function sweep(bench, peers, { quick }) {
  const settings = bench.settings(CLUSTERERS, RATIOS);
  const ours = await bench.ours(settings);
  const faiss = [];
  if (peers.has('faiss')) {
    for (const setting of bench.settings(CLUSTERERS, quick ? QUICK_RATIOS : RATIOS)) {
      faiss.push(await bench.peer('faiss', setting));
      if (faiss.at(-1).timedOut) break;
    }
  }
  return { kind: 'sweep', input: bench.input, shape: bench.shape, settings, ours, faiss };
}

/** One ratio: every setting by itself, Gram matrix included. */
export async function single(bench, peers) {
  return compare(
    bench,
    CLUSTERERS,
    SINGLE_RATIO,
    ['faiss', 'scikit-learn'].filter((name) => peers.has(name)),
  );
}

/** A layer of another shape: both clusterers on one Gram matrix against faiss. */
export async function layer(bench, peers) {
  const settings = bench.settings(CLUSTERERS, [0.5]);
  const ours = await bench.ours(settings);
  const faiss = [];
  if (peers.has('faiss')) for (const setting of settings) faiss.push(await bench.peer('faiss', setting));
  return { kind: 'layer', input: bench.input, shape: bench.shape, settings, ours, faiss };
}

/** The peers in JavaScript on a corner of the input. */
export async function small(input, peers, { size, quick }) {
  const names = ['ml-kmeans', 'skmeans'].filter((name) => peers.has(name));
  if (names.length === 0) return undefined;
  const length = Math.min(size ?? SMALL_SIZE, quick ? SMALL_SIZE / 2 : SMALL_SIZE);
  const bench = await Bench.open(input, length);
  try {
    return await compare(bench, ['kmeans'], SINGLE_RATIO, names);
  } finally {
    await bench.close();
  }
}

async function compare(bench, clusterers, ratio, names) {
  const settings = bench.settings(clusterers, [ratio]);
  const rows = [];
  for (const setting of settings) {
    const { scores, ...ours } = await bench.ours([setting]);
    rows.push({ peer: 'spherize', ...setting, ...ours, score: scores[0] });
    for (const name of names) rows.push(await bench.peer(name, setting));
  }
  return { kind: 'single', input: bench.input, shape: bench.shape, rows };
}

/** What the bounds of Hartigan's method save. */
export async function bounds(bench) {
  const runs = await bench.hartiganBounds(bench.settings(CLUSTERERS, [0.5, 0.9]));
  return { kind: 'bounds', input: bench.input, shape: bench.shape, runs };
}
