// What is measured. Every experiment returns raw figures; report.mjs turns them into tables.
import { Bench } from './bench.mjs';

export const CLUSTERERS = ['kmeans', 'spherical'];
export const RATIOS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/** Where slow peers are measured; their other settings are interpolated in k. */
const FEW_RATIOS = [0.1, 0.5, 0.9];
/** Where scikit-learn is measured, and everybody else with it. */
const SINGLE_RATIO = 0.75;
/** Vectors and values of each that the JavaScript peers finish with. */
const SMALL_SIZE = 768;

/** All ratios and both clusterers, ours against faiss and scikit-learn. */
export async function sweep(bench, peers, { quick }) {
  const settings = bench.settings(CLUSTERERS, RATIOS);
  const ours = await bench.ours(settings);
  const few = bench.settings(CLUSTERERS, FEW_RATIOS);
  const asked = { faiss: quick ? few : settings, 'scikit-learn': quick ? [] : few };
  return await against(bench, peers, { kind: 'sweep', settings, ours }, asked);
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
  return await against(bench, peers, { kind: 'layer', settings, ours }, { faiss: settings });
}

/** Adds what peers give at the settings asked of them; a peer that is stopped once is not asked again. */
async function against(bench, peers, experiment, asked) {
  const runs = {};
  for (const [name, settings] of Object.entries(asked)) {
    if (!peers.has(name) || settings.length === 0) continue;
    runs[name] = [];
    for (const setting of settings) {
      runs[name].push(await bench.peer(name, setting));
      if (runs[name].at(-1).timedOut) break;
    }
  }
  return { ...experiment, input: bench.input, shape: bench.shape, peers: runs };
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
