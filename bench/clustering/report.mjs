// Raw figures to plain tables.
import { TIME_LIMIT } from './bench.mjs';

const WORSE_BY_ROUNDING = 1e-9;

export function printExperiment(experiment) {
  ({ sweep: printSweep, layer: printSweep, single: printSingle, bounds: printBounds })[experiment.kind](
    experiment,
  );
}

/**
 * The cost of every setting from those that were measured: between two, the straight line in k.
 *
 * @returns seconds for all settings and how many of them were measured; undefined when too few were
 */
export function totalSeconds(settings, measured) {
  let seconds = 0;
  let count = 0;
  for (const { clusterer, k } of settings) {
    const known = measured.filter((run) => run.clusterer === clusterer && run.seconds !== undefined);
    const exact = known.find((run) => run.k === k);
    if (exact) {
      seconds += exact.seconds;
      count++;
      continue;
    }
    const above = known.filter((run) => run.k > k).sort((a, b) => a.k - b.k)[0];
    const below = known.filter((run) => run.k < k).sort((a, b) => b.k - a.k)[0];
    if (!above || !below) return undefined;
    seconds += below.seconds + ((k - below.k) / (above.k - below.k)) * (above.seconds - below.seconds);
  }
  return { seconds, count };
}

/** Ours against the peers, setting by setting, and in total. */
function printSweep({ kind, input, shape, settings, ours, peers }) {
  title(
    `${input}, ${shape.n} vectors of ${shape.m}: ${kind === 'sweep' ? `all ${settings.length} settings` : 'ratio 0.5'}`,
  );
  const names = Object.keys(peers);
  const rows = settings.map(({ clusterer, ratio, k }, i) => [
    clusterer,
    ratio.toFixed(1),
    k,
    figure(ours.scores[i], clusterer),
    ...names.flatMap((name) => {
      const run = peers[name].find((candidate) => candidate.clusterer === clusterer && candidate.k === k);
      if (!run) return ['', '', ''];
      return [figure(run.score, clusterer), ratioOf(ours.scores[i], run.score), duration(run)];
    }),
  ]);
  const heads = names.flatMap((name) => [name, `ours/${name}`, `${name} s`]);
  printTable(['clusterer', 'ratio', 'k', 'ours', ...heads], rows);
  const line = (name, seconds, peak, note) => [
    name,
    seconds.toFixed(2),
    (seconds / ours.seconds).toFixed(1),
    megabytes(peak),
    note,
  ];
  const gram = `one Gram matrix (${ours.gramSeconds.toFixed(2)} s), ${ours.threads} threads`;
  const summary = [line('spherize', ours.seconds, ours.peak, gram)];
  for (const name of names) {
    const total = totalSeconds(settings, peers[name]);
    if (total) {
      const left = settings.length - total.count;
      const note =
        left === 0 ? 'every setting measured' : `${total.count} measured, ${left} interpolated in k`;
      const peak = Math.max(...peers[name].map((run) => run.peak ?? 0));
      summary.push(line(name, total.seconds, peak, note));
    } else {
      summary.push([name, `> ${TIME_LIMIT}`, `> ${(TIME_LIMIT / ours.seconds).toFixed(1)}`, '', 'stopped']);
    }
  }
  console.log();
  printTable(['total', 'seconds', '× ours', 'peak MB', ''], summary);
}

/** One ratio, everybody, each setting by itself. */
function printSingle({ input, shape, rows }) {
  title(`${input}, ${shape.n} vectors of ${shape.m}: one setting at a time, ratio ${rows[0].ratio}`);
  let ours;
  const lines = rows.map((row) => {
    if (row.peer === 'spherize') ours = row;
    const stopped = row.timedOut !== undefined;
    return [
      row.clusterer,
      row.k,
      row.peer,
      duration(row),
      stopped ? `> ${(TIME_LIMIT / ours.seconds).toFixed(0)}` : (row.seconds / ours.seconds).toFixed(1),
      stopped ? '' : megabytes(row.peak),
      stopped ? '' : figure(row.score, row.clusterer),
      stopped ? '' : ratioOf(ours.score, row.score),
      row.iterations ?? '',
    ];
  });
  const heads = [
    'clusterer',
    'k',
    '',
    'seconds',
    '× ours',
    'peak MB',
    'objective',
    'ours/this',
    'iterations',
  ];
  printTable(heads, lines);
}

/** Estimates for the whole sweep from one measured setting of a peer. */
export function printExtrapolations({ sweep, single, small }) {
  const lines = [];
  const totalK = (clusterer) =>
    sweep.settings.reduce((sum, setting) => sum + (setting.clusterer === clusterer ? setting.k : 0), 0);
  const add = (name, seconds, how, least = '') =>
    lines.push([
      name,
      `${least}${seconds.toFixed(0)}`,
      `${least}${(seconds / sweep.ours.seconds).toFixed(0)}`,
      how,
    ]);
  // Where scikit-learn ran at several ratios, its sum stands in the table of the sweep.
  const scikit = sweep.peers['scikit-learn']
    ? []
    : (single?.rows.filter((row) => row.peer === 'scikit-learn') ?? []);
  if (scikit.length > 0) {
    const seconds = scikit.reduce(
      (sum, row) => sum + ((row.seconds ?? row.timedOut) * totalK(row.clusterer)) / row.k,
      0,
    );
    const least = scikit.some((row) => row.timedOut) ? '> ' : '';
    add('scikit-learn', seconds, 'from ratio 0.75, proportional to k', least);
  }
  for (const row of small?.rows ?? []) {
    if (row.peer === 'spherize') continue;
    const { n, m } = small.shape;
    const work = (totalK('kmeans') * sweep.shape.n * sweep.shape.m) / (row.k * n * m);
    const how = `9 settings, kmeans only: from ${n} × ${m} at k = ${row.k}, proportional to n·k·m`;
    add(row.peer, (row.seconds ?? row.timedOut) * work, how, row.timedOut ? '> ' : '');
  }
  if (lines.length === 0) return;
  title(`${sweep.input}: extrapolated to the sweep, not measured`);
  printTable(['', 'seconds', '× our sweep', 'how'], lines);
}

function printBounds({ input, shape, runs }) {
  title(`${input}, ${shape.n} vectors of ${shape.m}: Hartigan's method with bounds and without, same seeds`);
  const rows = runs.map(({ clusterer, ratio, k, with: bounded, without }) => [
    clusterer,
    ratio.toFixed(1),
    k,
    figure(bounded.value, clusterer),
    figure(without.value, clusterer),
    (bounded.value / without.value).toFixed(6),
    `${bounded.passes} / ${without.passes}`,
    bounded.seconds.toFixed(2),
    without.seconds.toFixed(2),
    (without.seconds / bounded.seconds).toFixed(1),
  ]);
  const heads = [
    'clusterer',
    'ratio',
    'k',
    'with',
    'without',
    'with/without',
    'passes',
    'with s',
    'without s',
    '×',
  ];
  printTable(heads, rows);
}

/** On how many settings ours is at least as good as the best peer. */
export function printVerdict(experiments) {
  const best = new Map();
  const note = (experiment, setting, ours, score) => {
    if (score === undefined) return;
    const key = `${experiment.input} ${experiment.shape.n} ${setting.clusterer} ${setting.k}`;
    const good =
      setting.clusterer === 'kmeans'
        ? ours <= score * (1 + WORSE_BY_ROUNDING)
        : ours >= score * (1 - WORSE_BY_ROUNDING);
    best.set(key, (best.get(key) ?? true) && good);
  };
  for (const experiment of experiments) {
    for (const runs of Object.values(experiment.peers ?? {})) {
      experiment.settings.forEach((setting, i) => {
        const run = runs.find(({ clusterer, k }) => clusterer === setting.clusterer && k === setting.k);
        note(experiment, setting, experiment.ours.scores[i], run?.score);
      });
    }
    let ours;
    for (const row of experiment.rows ?? []) {
      if (row.peer === 'spherize') ours = row;
      else note(experiment, row, ours.score, row.score);
    }
  }
  const worse = [...best].filter(([, good]) => !good).map(([key]) => key);
  console.log(
    `\nObjective at least as good as the best peer's: ${best.size - worse.length} of ${best.size} settings.`,
  );
  for (const key of worse) console.log(`  worse: ${key}`);
}

export function title(text) {
  console.log(`\n${text}\n`);
}

function printTable(heads, rows) {
  const cells = [heads, ...rows].map((row) => row.map(String));
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const numeric = heads.map((_, i) => rows.every((row) => /^(> )?[\d.]*( \/ \d+)?$/.test(row[i])));
  for (const row of cells) {
    const padded = row.map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])));
    console.log(padded.join('  ').trimEnd());
  }
}

/** Inertia, or mean cosine; nothing for a peer that was stopped. */
function figure(value, clusterer) {
  if (value === undefined) return '';
  return clusterer === 'kmeans' ? value.toPrecision(7) : value.toFixed(6);
}

function ratioOf(ours, peer) {
  return peer === undefined ? '' : (ours / peer).toFixed(4);
}

function duration(run) {
  return run.timedOut === undefined ? run.seconds.toFixed(2) : `> ${run.timedOut}`;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(0);
}
