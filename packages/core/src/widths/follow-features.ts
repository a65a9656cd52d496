/**
 * Follows features from the layers that make them through all operations of a model.
 *
 * A first pass finds out which places belong together (they are joined); a second one, with features taken out, what the narrower model looks
 * like, where the same places must meet again.
 */
import type { ConstantOperand, FeatureGraph, FeatureLayer, FlowOperation } from '../format/feature-flow.js';
import type { PaddedAxis, SlicePart } from '../format/model-narrowing.js';
import {
  alongAxis,
  isLabelled,
  type Labels,
  NO_LABELS,
  picked,
  product,
  reshaped,
  sideBySide,
  sliced,
  stretched,
  transposed,
  withoutAxes,
} from './labels.js';

/** What happens where features meet. */
export interface Meeting {
  /** Whether features have left, so that layers and constants are as long as before and what reaches them is shorter. */
  readonly narrower: boolean;
  /** The labels of the rows of a layer; undefined where it makes none. */
  rows(layer: FeatureLayer): Int32Array | undefined;
  /** Labels of features that no layer makes and that lie beside others; with a reason, they have to stay. */
  foreign(count: number, reason?: string): Int32Array;
  /** Two labels in the same place. */
  join(a: number, b: number, operation: FlowOperation): void;
  /** A feature that has to stay. */
  pin(label: number, reason: string): void;
  /** The shape of a reshaped tensor. */
  shapeAfter(
    tensor: string,
    from: readonly (number | undefined)[],
    labels: Labels,
  ): readonly (number | undefined)[] | undefined;
  /** The labels of a tensor with all features, where some have left. */
  whole(tensor: string): Labels | undefined;
  /** The axes on which the features of a reshaped tensor lie, where that is known. */
  axesAfter(tensor: string): readonly number[] | undefined;
  /** The parts of a sliced axis. */
  parts(operation: FlowOperation, labels: Labels): readonly SlicePart[];
  /** The places that are picked of an axis. */
  places(operation: FlowOperation, places: Int32Array, labels: Labels): Int32Array;
}

/** Where the features of a model lie. */
export interface FollowedFeatures {
  /** By tensor. */
  readonly tensors: ReadonlyMap<string, Labels>;
  /** Of each layer, the labels of its columns; missing where no features come in. */
  readonly columns: ReadonlyMap<string, Int32Array>;
  readonly rows: ReadonlyMap<string, Int32Array>;
  /** Operands with a value per feature. */
  readonly constants: readonly PlacedConstant[];
  /** Depthwise filters, by layer: the labels of their channels. */
  readonly filters: ReadonlyMap<string, Int32Array>;
  /** Labels of tensors that are sums of several with features. */
  readonly sums: readonly Int32Array[];
  /** By padding operation, along axes with features. */
  readonly pads: ReadonlyMap<string, readonly PaddedAxis[]>;
  /** Labels of features that are summed up in pairs, as those of queries and keys are. */
  readonly paired: readonly number[];
}

/** The labels of a constant, along its own axes. */
export interface PlacedConstant {
  readonly operation: string;
  readonly slot: number;
  readonly labels: Labels;
}

export function followFeatures(graph: FeatureGraph, meeting: Meeting): FollowedFeatures {
  return new Follower(graph, meeting).follow();
}

class Follower {
  readonly #graph: FeatureGraph;
  readonly #meeting: Meeting;
  readonly #layers: ReadonlyMap<string, FeatureLayer>;
  readonly #tensors = new Map<string, Labels>();
  readonly #columns = new Map<string, Int32Array>();
  readonly #rows = new Map<string, Int32Array>();
  readonly #filters = new Map<string, Int32Array>();
  readonly #constants: PlacedConstant[] = [];
  readonly #sums: Int32Array[] = [];
  readonly #pads = new Map<string, readonly PaddedAxis[]>();
  readonly #paired: number[] = [];

  constructor(graph: FeatureGraph, meeting: Meeting) {
    this.#graph = graph;
    this.#meeting = meeting;
    this.#layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  }

  follow(): FollowedFeatures {
    for (const operation of this.#graph.operations) this.#pass(operation);
    for (const name of this.#graph.outputs) this.#pinAll(this.#of(name), `${name} is an output of the model`);
    return {
      tensors: this.#tensors,
      columns: this.#columns,
      rows: this.#rows,
      constants: this.#constants,
      filters: this.#filters,
      sums: this.#sums,
      pads: this.#pads,
      paired: this.#paired,
    };
  }

  #of(tensor: string): Labels {
    return this.#tensors.get(tensor) ?? NO_LABELS;
  }

  #pinAll(labels: Labels, reason: string): void {
    for (const label of labels.ids) this.#meeting.pin(label, reason);
  }

  #pass(operation: FlowOperation): void {
    const { flow, inputs, outputs } = operation;
    switch (flow.type) {
      case 'sizes':
        if (flow.computed)
          for (const input of inputs)
            this.#pinAll(
              this.#of(input),
              `${describe(operation)} tells their number, which is computed with`,
            );
        return;
      case 'other':
        for (const input of inputs) this.#pinAll(this.#of(input), `${describe(operation)} ${flow.reason}`);
        return;
      case 'layer':
        this.#layer(operation, flow.layer, flow.reads, flow.makes);
        return;
      case 'depthwise':
        this.#depthwise(operation, flow.layer, flow.axis, flow.multiplier);
        return;
      case 'elementwise':
        this.#tensors.set(outputs[0]!, this.#elementwise(operation, inputs, flow.constants));
        if (flow.adds && inputs.filter((name) => isLabelled(this.#of(name))).length > 1)
          this.#sums.push(this.#of(outputs[0]!).ids);
        return;
      case 'mixing':
        this.#tensors.set(outputs[0]!, this.#mixed(operation, flow.axes, flow.dropped, flow.reason));
        return;
      case 'transpose':
        this.#tensors.set(outputs[0]!, transposed(this.#of(inputs[0]!), flow.permutation));
        return;
      case 'reshape':
        this.#reshape(operation);
        return;
      case 'slice': {
        const labels = this.#of(inputs[0]!);
        if (flow.dropped && labels.axes.at(-1) === flow.axis) {
          this.#pinAll(labels, `${describe(operation)} picks some of them`);
          return;
        }
        const parts = this.#meeting.parts(operation, labels);
        for (const [o, { start, length }] of parts.entries())
          this.#tensors.set(outputs[o]!, cut(labels, flow, start, length));
        return;
      }
      case 'pad':
        this.#tensors.set(outputs[0]!, this.#padded(operation, flow.axes));
        return;
      case 'concat':
        this.#tensors.set(outputs[0]!, this.#concat(operation, flow.axis));
        return;
      case 'pick':
        this.#along(operation, flow.axis, (labels) =>
          picked(labels, flow.axis, this.#meeting.places(operation, flow.places, labels)),
        );
        return;
      case 'merge':
        this.#along(operation, flow.axis, (labels) => this.#merged(operation, labels, flow));
        return;
      case 'repeat':
        this.#along(operation, flow.axis, (labels) => {
          const n = labels.ids.length;
          const from = (i: number): number => (flow.apart ? i % n : Math.floor(i / flow.count));
          return picked(
            labels,
            flow.axis,
            Int32Array.from({ length: n * flow.count }, (_, i) => from(i)),
          );
        });
        return;
      case 'contraction':
        this.#tensors.set(outputs[0]!, this.#contract(operation));
        return;
    }
  }

  #layer(operation: FlowOperation, name: string, reads: number, makes: number): void {
    const layer = this.#layers.get(name)!;
    const labels = this.#of(operation.inputs[0]!);
    const at = labels.axes.indexOf(reads);
    if (isLabelled(labels)) {
      if (at >= 0 && (this.#meeting.narrower || labels.sizes[at] === layer.inputs)) {
        this.#columns.set(name, this.#alike(labels, [reads], operation));
      } else {
        this.#pinAll(labels, `${describe(operation)} reads along another axis`);
      }
    }
    const rows = this.#meeting.rows(layer);
    if (rows === undefined) return;
    this.#rows.set(name, rows);
    this.#tensors.set(operation.outputs[0]!, alongAxis(makes, rows));
  }

  #depthwise(operation: FlowOperation, name: string, axis: number, multiplier: number): void {
    const labels = this.#of(operation.inputs[0]!);
    if (!isLabelled(labels)) return;
    if (labels.axes.length !== 1 || labels.axes[0] !== axis) {
      this.#pinAll(labels, `${describe(operation)} reads along another axis`);
      return;
    }
    this.#filters.set(name, labels.ids);
    const size = labels.ids.length;
    const places = Int32Array.from({ length: size * multiplier }, (_, i) => Math.floor(i / multiplier));
    this.#tensors.set(operation.outputs[0]!, picked(labels, axis, places));
  }

  /** What happens along one axis: features elsewhere pass, those along it and others stay. */
  #along(operation: FlowOperation, axis: number, change: (labels: Labels) => Labels): void {
    const labels = this.#of(operation.inputs[0]!);
    if (labels.axes.includes(axis) && labels.axes.length > 1)
      this.#pinAll(labels, `${describe(operation)} moves parts of them`);
    else this.#tensors.set(operation.outputs[0]!, labels.axes.includes(axis) ? change(labels) : labels);
  }

  #merged(
    operation: FlowOperation,
    labels: Labels,
    { axis, count, apart }: { readonly axis: number; readonly count: number; readonly apart: boolean },
  ): Labels {
    const n = labels.ids.length / count;
    const first = Int32Array.from({ length: n }, (_, i) => (apart ? i : i * count));
    for (const [i, place] of first.entries()) {
      for (let k = 1; k < count; k++)
        this.#meeting.join(labels.ids[place]!, labels.ids[apart ? k * n + i : place + k]!, operation);
    }
    return picked(labels, axis, first);
  }

  #elementwise(
    operation: FlowOperation,
    inputs: readonly string[],
    constants: readonly ConstantOperand[],
  ): Labels {
    const labelled = inputs.filter((name) => isLabelled(this.#of(name)));
    const [first, ...others] = labelled.map((name) => this.#of(name));
    if (first === undefined) return NO_LABELS;
    for (const labels of others) {
      if (String(labels.axes) !== String(first.axes) || labels.ids.length !== first.ids.length) {
        for (const each of [first, ...others])
          this.#pinAll(each, `${describe(operation)} combines features of different axes`);
        return NO_LABELS;
      }
      for (const [place, label] of labels.ids.entries())
        this.#meeting.join(first.ids[place]!, label, operation);
    }
    for (const name of inputs) {
      if (labelled.includes(name)) continue;
      const shape = this.#graph.shape(name);
      const alike = first.axes.every((axis) => {
        const size =
          shape === undefined ? undefined : (shape.at(axis) ?? (-axis > shape.length ? 1 : undefined));
        return size === 1;
      });
      if (!alike) this.#pinAll(first, `${describe(operation)} combines them with values that no layer makes`);
    }
    for (const constant of constants) this.#place(operation, constant, first);
    return first;
  }

  /** Constants with one value per feature follow; those that serve several features tie these together. */
  #place(operation: FlowOperation, { slot, shape, axis }: ConstantOperand, labels: Labels): void {
    const own = shape.flatMap((size, place) => (size > 1 ? [place - shape.length] : []));
    const under = (axisOfOwn: number): number => axis ?? axisOfOwn;
    const along = own.filter((a) => labels.axes.includes(under(a)));
    if (along.length === 0) return;
    const lengthAlong = (a: number): number => labels.sizes[labels.axes.indexOf(under(a))]!;
    const fits = this.#meeting.narrower || along.every((a) => shape.at(a) === lengthAlong(a));
    if (!fits) {
      this.#pinAll(labels, `${describe(operation)} has constants that are not per feature`);
      return;
    }
    const ids = this.#alike(labels, along.map(under), operation);
    this.#constants.push({
      operation: operation.name,
      slot,
      labels: { axes: along, sizes: along.map(lengthAlong), ids },
    });
  }

  /** Labels along some of their axes, where those along the others are joined: what is read there does not tell them apart. */
  #alike(labels: Labels, axes: readonly number[], operation: FlowOperation): Int32Array {
    const sizes = axes.map((axis) => labels.sizes[labels.axes.indexOf(axis)]!);
    if (axes.length === labels.axes.length) return labels.ids;
    const representative = new Int32Array(product(sizes)).fill(-1);
    const places = stretched(
      { axes, sizes, ids: Int32Array.from(representative, (_, i) => i) },
      labels.axes,
      labels.sizes,
    );
    for (const [place, label] of labels.ids.entries()) {
      const to = places[place]!;
      if (representative[to]! < 0) representative[to] = label;
      else this.#meeting.join(representative[to]!, label, operation);
    }
    return representative;
  }

  #mixed(operation: FlowOperation, axes: readonly number[], dropped: boolean, reason: string): Labels {
    const labels = this.#of(operation.inputs[0]!);
    if (labels.axes.some((axis) => axes.includes(axis))) {
      this.#pinAll(labels, `${describe(operation)} ${reason}`);
      return NO_LABELS;
    }
    return dropped ? withoutAxes(labels, axes) : labels;
  }

  #reshape(operation: FlowOperation): void {
    const [input, output] = [operation.inputs[0]!, operation.outputs[0]!];
    const labels = this.#of(input);
    if (!isLabelled(labels)) return;
    const sized = ({ axes, sizes }: Labels): (number | undefined)[] | undefined => {
      const shape = this.#graph.shape(input)?.slice();
      if (shape !== undefined) for (const [i, axis] of axes.entries()) shape[shape.length + axis] = sizes[i];
      return shape;
    };
    const [from, fromWhole] = [sized(labels), sized(this.#meeting.whole(input) ?? labels)];
    const [to, toWhole] = [from && this.#meeting.shapeAfter(output, from, labels), this.#graph.shape(output)];
    const result =
      from && to && fromWhole && toWhole
        ? reshaped(labels, { from, to }, { from: fromWhole, to: toWhole }, this.#meeting.axesAfter(output))
        : undefined;
    if (result === undefined)
      this.#pinAll(labels, `${describe(operation)} splits or merges them in an unknown way`);
    else this.#tensors.set(output, result);
  }

  #padded(operation: FlowOperation, axes: readonly PaddedAxis[]): Labels {
    const labels = this.#of(operation.inputs[0]!);
    const along = axes.find(({ axis }) => labels.axes.includes(axis));
    if (along === undefined) return labels;
    if (labels.axes.length > 1) {
      this.#pinAll(labels, `${describe(operation)} adds values beside them`);
      return NO_LABELS;
    }
    const [before, after] = [this.#meeting.foreign(along.before), this.#meeting.foreign(along.after)];
    const narrower = axes.map((own) =>
      own === along ? { axis: own.axis, before: before.length, after: after.length } : own,
    );
    this.#pads.set(operation.name, narrower);
    return alongAxis(along.axis, Int32Array.from([...before, ...labels.ids, ...after]));
  }

  #concat(operation: FlowOperation, axis: number): Labels {
    const all = operation.inputs.map((name) => this.#of(name));
    if (!all.some(isLabelled)) return NO_LABELS;
    const along = all.filter(isLabelled).every((labels) => labels.axes.includes(axis));
    if (!along) {
      if (all.some((labels) => labels.axes.includes(axis) || !isLabelled(labels))) {
        for (const labels of all)
          this.#pinAll(labels, `${describe(operation)} puts them beside others along another axis`);
        return NO_LABELS;
      }
      return this.#elementwise(operation, operation.inputs, []);
    }
    const pieces = operation.inputs.map((name, i) => {
      const labels = all[i]!;
      if (isLabelled(labels)) return labels;
      const size = this.#graph.shape(name)?.at(axis);
      return size === undefined
        ? undefined
        : alongAxis(axis, this.#meeting.foreign(size, `${name} is not made by a layer`));
    });
    const known = pieces.filter((labels) => labels !== undefined);
    const result = known.length < pieces.length ? undefined : sideBySide(known, axis);
    if (result !== undefined) return result;
    for (const labels of all)
      this.#pinAll(labels, `${describe(operation)} puts them beside others in an unknown way`);
    return NO_LABELS;
  }

  /** `[…, i, k] · […, k, j]`: features along k are summed up in pairs; those along i, j and the axes before are those of the result. */
  #contract(operation: FlowOperation): Labels {
    const [left, right] = operation.inputs.map((name) => this.#of(name)) as [Labels, Labels];
    const summed = [left.axes.includes(-1), right.axes.includes(-2)];
    if (summed[0] !== summed[1]) {
      this.#pinAll(
        summed[0] ? left : right,
        `${describe(operation)} sums them with values that no layer makes`,
      );
      return NO_LABELS;
    }
    if (summed[0]) {
      const turned = swapLast(right);
      const same = String(turned.axes) === String(left.axes) && turned.ids.length === left.ids.length;
      if (!same || left.axes.includes(-2) || turned.axes.includes(-2)) {
        for (const labels of [left, right])
          this.#pinAll(labels, `${describe(operation)} combines features of different axes`);
        return NO_LABELS;
      }
      for (const [place, label] of turned.ids.entries())
        this.#meeting.join(left.ids[place]!, label, operation);
      for (const label of left.ids) this.#paired.push(label);
      return NO_LABELS;
    }
    if (isLabelled(left) && isLabelled(right)) {
      for (const labels of [left, right])
        this.#pinAll(labels, `${describe(operation)} combines features of different axes`);
      return NO_LABELS;
    }
    return isLabelled(left) ? left : right;
  }
}

/** Labels of a tensor with its last two axes exchanged. */
function swapLast(labels: Labels): Labels {
  const rank = Math.max(2, ...labels.axes.map((axis) => -axis));
  const permutation = Array.from({ length: rank }, (_, i) => i);
  [permutation[rank - 1], permutation[rank - 2]] = [rank - 2, rank - 1];
  return transposed(labels, permutation);
}

/** A part of an axis, which may be gone then. */
function cut(
  labels: Labels,
  { axis, dropped }: { readonly axis: number; readonly dropped?: boolean },
  start: number,
  length: number,
): Labels {
  const part = sliced(labels, axis, start, length);
  return dropped ? withoutAxes(part, [axis]) : part;
}

function describe({ name, partOf = name, label }: FlowOperation): string {
  return partOf === label ? label : `${label} ${partOf}`;
}
