// Tables of what was measured, and the bounds beside them.

/** Bounds: a compressed layer over the plain one, by batch; the speedup of the FC part and the size of the file. */
const LAYER_BOUNDS = { 1: 1.1, 64: 1.25 };
const SPEEDUP_BOUND = { ratio: 0.75, batch: 1, times: 4 };
const BYTES_SLACK = 0.03;

const ms = (value) => value.toFixed(value < 1 ? 3 : value < 100 ? 2 : 0);
const times = (value) => `${value.toFixed(2)}×`;
const megabytes = (value) => (value / 1e6).toFixed(2);

export function printTimes({ title, ratios }) {
  console.log(`\n${title}\n`);
  const cell = ({ median, quartiles }) => `${ms(median)} (${quartiles.map(ms).join('–')})`;
  table(
    [
      'timed',
      'ρ',
      'batch',
      'original, ms',
      'plain, ms',
      'compressed, ms',
      'compressed/plain',
      'speedup',
      'runs',
    ],
    ratios.flatMap(({ ratio, times: rows }) =>
      rows.map(({ part, batch, original, plain, compressed, runs }) => [
        part,
        String(ratio),
        String(batch),
        cell(original),
        cell(plain),
        cell(compressed),
        times(compressed.median / plain.median),
        times(original.median / compressed.median),
        String(runs),
      ]),
    ),
  );
}

export function printBytes({ bytes, layerBytes, ratios }) {
  console.log();
  table(
    ['ρ', 'original, MB', 'plain, MB', 'compressed, MB', 'bound, MB', 'compressed − plain, bytes'],
    ratios.map(({ ratio, compressedBytes, plainBytes }) => [
      String(ratio),
      megabytes(bytes),
      megabytes(plainBytes),
      megabytes(compressedBytes),
      megabytes(bytesBound(bytes, layerBytes, ratio)),
      String(compressedBytes - plainBytes),
    ]),
  );
}

/** The bounds that the figures allow to judge, met or not. */
export function printVerdict(results) {
  console.log('\nbounds');
  const say = (what, value, bound, met) =>
    console.log(`${met ? 'met    ' : 'not met'}  ${what}: ${value} (bound ${bound})`);
  for (const { name, title, bytes, layerBytes, ratios } of results) {
    for (const { ratio, times: rows, compressedBytes } of ratios) {
      for (const { part, batch, original, plain, compressed } of rows) {
        const bound = name === 'layer' ? LAYER_BOUNDS[batch] : undefined;
        if (bound !== undefined) {
          const value = compressed.median / plain.median;
          say(
            `${title}, ρ ${ratio}, batch ${batch}, over plain`,
            times(value),
            `≤ ${times(bound)}`,
            value <= bound,
          );
        }
        const speedup = original.median / compressed.median;
        if (
          name !== 'layer' &&
          part === 'layers' &&
          ratio === SPEEDUP_BOUND.ratio &&
          batch === SPEEDUP_BOUND.batch
        ) {
          const { times: least } = SPEEDUP_BOUND;
          say(
            `${title}, FC layers, ρ ${ratio}, batch ${batch}, speedup`,
            times(speedup),
            `≥ ${times(least)}`,
            speedup >= least,
          );
        }
      }
      if (name === 'layer') continue;
      const bound = bytesBound(bytes, layerBytes, ratio);
      say(
        `${title}, ρ ${ratio}, file, MB`,
        megabytes(compressedBytes),
        `≤ ${megabytes(bound)}`,
        compressedBytes <= bound,
      );
    }
  }
}

/** `(1 − ρ + 0.03)` of the layers' bytes, plus all others. */
function bytesBound(bytes, layerBytes, ratio) {
  return (1 - ratio + BYTES_SLACK) * layerBytes + bytes - layerBytes;
}

function table(head, rows) {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, i) => cell.padStart(widths[i]))
        .join('  ')
        .trimEnd(),
    );
  }
}
