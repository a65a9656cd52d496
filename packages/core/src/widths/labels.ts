/** Which feature each place of a tensor belongs to: labels along the axes on which features lie; along the others all places are alike. */

/** Row-major over `axes`, which rise and are counted from the end. No axes: the tensor holds no features. */
export interface Labels {
  readonly axes: readonly number[];
  readonly sizes: readonly number[];
  readonly ids: Int32Array;
}

export const NO_LABELS: Labels = { axes: [], sizes: [], ids: new Int32Array(0) };

export function alongAxis(axis: number, ids: Int32Array): Labels {
  return { axes: [axis], sizes: [ids.length], ids };
}

export function isLabelled(labels: Labels): boolean {
  return labels.axes.length > 0;
}

/** @param permutation axis i of the result is axis `permutation[i]`, from the front */
export function transposed(labels: Labels, permutation: readonly number[]): Labels {
  const rank = permutation.length;
  const moved = labels.axes.map((axis, place) => ({
    axis: permutation.indexOf(rank + axis) - rank,
    place,
  }));
  moved.sort((a, b) => a.axis - b.axis);
  const sizes = moved.map(({ place }) => labels.sizes[place]!);
  const strides = stridesOf(labels.sizes);
  const ids = new Int32Array(labels.ids.length);
  visit(
    sizes,
    moved.map(({ place }) => strides[place]!),
    (to, from) => {
      ids[to] = labels.ids[from]!;
    },
  );
  return { axes: moved.map(({ axis }) => axis), sizes, ids };
}

/** Places `start` to `start + length` of an axis. */
export function sliced(labels: Labels, axis: number, start: number, length: number): Labels {
  const at = labels.axes.indexOf(axis);
  if (at < 0) return labels;
  return picked(
    labels,
    axis,
    Int32Array.from({ length }, (_, i) => start + i),
  );
}

/** The labels of a tensor that some axes are gone from: each had one place with labels, or none. */
export function withoutAxes({ axes, sizes, ids }: Labels, gone: readonly number[]): Labels {
  const left = axes.map((axis, at) => ({ axis, at })).filter(({ axis }) => !gone.includes(axis));
  return {
    axes: left.map(({ axis }) => axis + gone.filter((other) => other > axis).length),
    sizes: left.map(({ at }) => sizes[at]!),
    ids,
  };
}

/** The given places of an axis that carries labels. */
export function picked(labels: Labels, axis: number, places: Int32Array): Labels {
  const at = labels.axes.indexOf(axis);
  const outer = product(labels.sizes.slice(0, at));
  const inner = product(labels.sizes.slice(at + 1));
  const size = labels.sizes[at]!;
  const ids = new Int32Array(outer * places.length * inner);
  for (let o = 0; o < outer; o++) {
    for (let p = 0; p < places.length; p++) {
      const from = (o * size + places[p]!) * inner;
      ids.set(labels.ids.subarray(from, from + inner), (o * places.length + p) * inner);
    }
  }
  return { axes: labels.axes, sizes: labels.sizes.with(at, places.length), ids };
}

/** Labels side by side along an axis that all of them have; undefined where their other axes differ. */
export function sideBySide(pieces: readonly Labels[], axis: number): Labels | undefined {
  const [first] = pieces as [Labels];
  const at = first.axes.indexOf(axis);
  const others = ({ axes, sizes }: Labels): string => `${axes}:${sizes.toSpliced(at, 1)}`;
  if (at < 0 || pieces.some((piece) => others(piece) !== others(first))) return undefined;
  const runs = pieces.map(({ sizes }) => product(sizes.slice(at)));
  const ids = new Int32Array(pieces.reduce((all, piece) => all + piece.ids.length, 0));
  let to = 0;
  for (let outer = 0; outer < product(first.sizes.slice(0, at)); outer++) {
    for (const [i, { ids: own }] of pieces.entries()) {
      ids.set(own.subarray(outer * runs[i]!, (outer + 1) * runs[i]!), to);
      to += runs[i]!;
    }
  }
  const length = pieces.reduce((all, { sizes }) => all + sizes[at]!, 0);
  return { axes: first.axes, sizes: first.sizes.with(at, length), ids };
}

/** Axes of a tensor that is reshaped, and of the result; unknown sizes are undefined. */
export interface Reshaping {
  readonly from: readonly (number | undefined)[];
  readonly to: readonly (number | undefined)[];
}

/**
 * The same values in another shape. Undefined when it is unknown which axes become which.
 *
 * @param from the shape before, in which sizes of axes with labels are known
 * @param axes the axes on which features lie afterwards, where that is known; else those along which labels differ
 * @param whole the shapes with all features, which tell which axes become which: a single feature that is left does not
 */
export function reshaped(
  labels: Labels,
  { from, to }: Reshaping,
  whole: Reshaping,
  axes?: readonly number[],
): Labels | undefined {
  const runs = matchingRuns(whole.from, whole.to);
  if (runs === undefined) return undefined;
  const concerned = runs.filter(({ from: [start, end] }) =>
    labels.axes.some((axis) => from.length + axis >= start && from.length + axis < end),
  );
  const before = concerned.flatMap(({ from: [start, end] }) => range(start, end));
  const after = concerned.flatMap(({ to: [start, end] }) => range(start, end));
  // Runs hold known sizes alone.
  const sizesBefore = before.map((place) => from[place]!);
  const strides = stridesOf(labels.sizes);
  const spread = new Int32Array(product(sizesBefore));
  visit(
    sizesBefore,
    before.map((place) => strides[labels.axes.indexOf(place - from.length)] ?? 0),
    (place, label) => {
      spread[place] = labels.ids[label]!;
    },
  );
  // An axis of length one may stand in a run of its own.
  const places = [
    ...after,
    ...range(0, to.length).filter((place) => to[place] === 1 && !after.includes(place)),
  ];
  const ordered = places.sort((a, b) => a - b);
  return withoutConstantAxes(
    {
      axes: ordered.map((place) => place - to.length),
      sizes: ordered.map((place) => to[place]!),
      ids: spread,
    },
    axes,
  );
}

/** The labels of a tensor that is stretched along more axes, where it has none. */
export function stretched(labels: Labels, axes: readonly number[], sizes: readonly number[]): Int32Array {
  const strides = stridesOf(labels.sizes);
  const ids = new Int32Array(product(sizes));
  visit(
    sizes,
    axes.map((axis) => strides[labels.axes.indexOf(axis)] ?? 0),
    (to, from) => {
      ids[to] = labels.ids[from]!;
    },
  );
  return ids;
}

/** Runs of neighbouring axes that hold the same number of values before and after. */
function matchingRuns(
  from: readonly (number | undefined)[],
  to: readonly (number | undefined)[],
): { from: [number, number]; to: [number, number] }[] | undefined {
  const runs: { from: [number, number]; to: [number, number] }[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const [start, begin] = [i, j];
    let [left, right] = [1, 1];
    if (i < from.length) {
      const size = from[i++];
      if (size === undefined) return undefined;
      left = size;
    }
    if (j < to.length) {
      const size = to[j++];
      if (size === undefined) return undefined;
      right = size;
    }
    while (left !== right) {
      const size = left < right ? from[i++] : to[j++];
      if (size === undefined) return undefined;
      if (left < right) left *= size;
      else right *= size;
    }
    // Axes of length one at the end.
    if (j === to.length) while (from[i] === 1) i++;
    if (i === from.length) while (to[j] === 1) j++;
    runs.push({ from: [start, i], to: [begin, j] });
  }
  return runs;
}

/** Without axes along which all labels are alike, or without all but some. */
function withoutConstantAxes(labels: Labels, kept: readonly number[] | undefined): Labels {
  let result = labels;
  for (const axis of labels.axes) {
    if (kept?.includes(axis)) continue;
    const first = picked(result, axis, Int32Array.of(0));
    const at = result.axes.indexOf(axis);
    const same = stretched(
      { axes: result.axes.toSpliced(at, 1), sizes: result.sizes.toSpliced(at, 1), ids: first.ids },
      result.axes,
      result.sizes,
    );
    if (same.every((id, place) => id === result.ids[place])) {
      result = {
        axes: result.axes.toSpliced(at, 1),
        sizes: result.sizes.toSpliced(at, 1),
        ids: first.ids,
      };
    }
  }
  return result;
}

/** Visits all places of an array of these sizes in order, with the position that the strides lead to. */
function visit(
  sizes: readonly number[],
  strides: readonly number[],
  see: (place: number, position: number) => void,
): void {
  const total = product(sizes);
  const at = new Int32Array(sizes.length);
  let position = 0;
  for (let place = 0; place < total; place++) {
    see(place, position);
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      position += strides[axis]!;
      if (++at[axis]! < sizes[axis]!) break;
      position -= strides[axis]! * sizes[axis]!;
      at[axis] = 0;
    }
  }
}

function stridesOf(sizes: readonly number[]): number[] {
  const strides = new Array<number>(sizes.length).fill(1);
  for (let axis = sizes.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * sizes[axis + 1]!;
  return strides;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((result, size) => result * size, 1);
}
