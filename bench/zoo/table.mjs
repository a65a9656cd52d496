/** What the zoo shows, as text in columns or in Markdown. */

/**
 * @param entries `{ model, format, result }`, a result as `measureApart` gives it
 * @returns tables in order: `{ title, heads, rows, right }`, a row being texts, `right` the columns that are aligned to the right
 */
export function tables(entries, ratios) {
  return [
    summaryTable(entries),
    modelTable(entries, ratios),
    ...ratios.map((ratio) => ratioTable(entries, ratio)),
    worseTable(entries),
    failureTable(entries),
    reasonTable(entries),
  ].filter(({ rows }) => rows.length > 0);
}

function summaryTable(entries) {
  const read = entries.flatMap(({ result }) => result.shares ?? []);
  const all = sum(read, ({ total }) => total);
  const row = (name, of) => [
    name,
    percent(sum(read, of) / all),
    percent(sum(read, (share) => (share.total === 0 ? 0 : of(share) / share.total)) / read.length),
  ];
  return {
    title: `Parameters offered: ${read.length} models with ${count(all)} parameters`,
    heads: ['', 'of all parameters', 'mean over the models'],
    rows:
      read.length === 0
        ? []
        : [
            row('in widths, where neurons may leave', ({ widths }) => widths),
            row('in fully connected layers, whose columns may be merged', ({ layers }) => layers),
            row('in either', ({ offered }) => offered),
          ],
    right: [1, 2],
  };
}

function modelTable(entries, ratios) {
  return {
    title: 'Models',
    heads: [
      'model',
      'format',
      'parameters',
      'in widths',
      'in FC layers',
      'in either',
      'MB',
      'MMAC',
      'inputs',
      'refitted',
    ],
    rows: entries
      .filter(({ result }) => result.shares !== undefined)
      .map(({ model, format, result: { shares, bytes, macs, shapes = [], refitted, results } }) => [
        model,
        format,
        count(shares.total),
        percent(shares.widths / shares.total),
        percent(shares.layers / shares.total),
        percent(shares.offered / shares.total),
        megabytes(bytes),
        macs === null ? '–' : millions(macs),
        shapes.map(({ shape }) => shape.map((length) => length ?? '?').join('×')).join(', ') || 'fixed',
        ratios.length === 0 || results.length === 0 ? '–' : refitted === 0 ? 'no' : `${refitted} samples`,
      ]),
    right: [2, 3, 4, 5, 6, 7],
  };
}

function ratioTable(entries, ratio) {
  return {
    title: `${percent(ratio)} of the neurons gone`,
    heads: [
      'model',
      'bytes',
      'MAC',
      'ms before',
      'ms after',
      'speedup',
      'output error',
      'agreement',
      'seconds',
      'proof',
    ],
    rows: entries.flatMap(({ model, result }) =>
      (result.results ?? [])
        .filter((measured) => measured.ratio === ratio)
        .map(({ bytes, macs, latency, outputError, agreement, seconds, proof }) => [
          model,
          factor(bytes / result.bytes),
          macs === null || result.macs === null ? '–' : factor(macs / result.macs),
          latency === undefined ? '–' : milliseconds(latency.before.median),
          latency === undefined ? '–' : milliseconds(latency.after.median),
          latency === undefined ? '–' : `${speedup(latency).toFixed(2)}×`,
          outputError === null ? '–' : outputError.toPrecision(2),
          agreement === null ? '–' : percent(agreement),
          seconds.toFixed(1),
          proof.deviation === null ? `no: ${proof.reason}` : `yes, ${proof.deviation.toExponential(0)}`,
        ]),
    ),
    right: [1, 2, 3, 4, 5, 6, 7, 8],
  };
}

/** A model is slower where its median is later than the original's third quartile. */
function worseTable(entries) {
  return {
    title: 'Larger or slower',
    heads: ['model', 'gone', 'what'],
    rows: entries.flatMap(({ model, result }) =>
      (result.results ?? []).flatMap(({ ratio, bytes, macs, latency }) => {
        const larger = bytes > result.bytes ? [`${bytes - result.bytes} bytes larger`] : [];
        const more = macs > result.macs ? [`${macs - result.macs} multiply-accumulates more`] : [];
        const slower =
          latency !== undefined && latency.after.median > latency.before.quartiles[1]
            ? [`${speedup(latency).toFixed(2)} times as fast`]
            : [];
        const worse = [...larger, ...more, ...slower];
        return worse.length === 0 ? [] : [[model, percent(ratio), worse.join(', ')]];
      }),
    ),
    right: [1],
  };
}

function failureTable(entries) {
  return {
    title: 'Failed',
    heads: ['model', 'format', 'error'],
    rows: entries
      .filter(({ result }) => result.failed !== undefined)
      .map(({ model, format, result }) => [model, format, result.failed]),
    right: [],
  };
}

function reasonTable(entries) {
  const reasons = new Map();
  for (const { result } of entries) {
    for (const [reason, parameters] of Object.entries(result.shares?.reasons ?? {})) {
      const found = reasons.get(reason) ?? { parameters: 0, models: 0 };
      reasons.set(reason, { parameters: found.parameters + parameters, models: found.models + 1 });
    }
  }
  const all = sum(entries, ({ result }) => result.shares?.total ?? 0);
  return {
    title: 'What keeps parameters from being offered',
    heads: ['parameters', 'of all', 'models', 'reason'],
    rows: [...reasons]
      .sort(([, a], [, b]) => b.parameters - a.parameters)
      .map(([reason, { parameters, models }]) => [
        count(Math.round(parameters)),
        percent(parameters / all),
        String(models),
        reason,
      ]),
    right: [0, 1, 2],
  };
}

export function textOf(list) {
  return list
    .map(({ title, heads, rows, right }) => {
      const widths = heads.map((head, column) =>
        Math.max(...[head, ...rows.map((row) => row[column])].map((cell) => cell.length)),
      );
      const line = (cells) =>
        cells
          .map((cell, column) =>
            right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
          )
          .join('  ')
          .trimEnd();
      return [title, '', line(heads), ...rows.map(line)].join('\n');
    })
    .join('\n\n');
}

export function markdownOf(list) {
  return list
    .map(({ title, heads, rows, right }) => {
      const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
      const rule = line(heads.map((_, column) => (right.includes(column) ? '---:' : '---')));
      return [`## ${title}`, '', line(heads), rule, ...rows.map(line)].join('\n');
    })
    .join('\n\n');
}

function sum(values, of) {
  return values.reduce((total, value) => total + of(value), 0);
}

function speedup({ before, after }) {
  return before.median / after.median;
}

function percent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %` : '–';
}

function count(value) {
  return value.toLocaleString('en-US');
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(2);
}

function millions(value) {
  return (value / 1e6).toFixed(value < 1e7 ? 2 : value < 1e8 ? 1 : 0);
}

function factor(value) {
  return value.toFixed(2);
}

function milliseconds(value) {
  return value < 1 ? value.toFixed(3) : value.toFixed(2);
}
