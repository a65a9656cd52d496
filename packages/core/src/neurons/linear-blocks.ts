/** Features that are one basis of many: runs of them with nothing but linear operations between what makes and what reads them. */
import { upstreamOf } from '../folding/upstream.js';
import type { FeatureGraph } from '../format/feature-flow.js';
import { findWidths, type Width } from '../widths/find-widths.js';
import { layerRead } from './layer-reads.js';

/** Larger blocks take longer to decompose than they are worth. */
const MOST_FEATURES = 512;
/** Where the features of a block are: rows of a layer that makes them, or columns of one that reads them. */
export interface End {
  readonly layer: string;
  readonly places: readonly number[];
}

/**
 * A run of features that one layer makes and others read, or that two multiply with each other, as queries and keys are; heads that share their
 * keys and values have several ends on one side.
 */
export interface LinearBlock {
  readonly width: string;
  /** Its number among the width's blocks. */
  readonly index: number;
  readonly kind: 'read' | 'paired';
  readonly first: readonly End[];
  readonly second: readonly End[];
}

/** The blocks of a width with nothing but linear operations between their ends. */
export function linearBlocks(graph: FeatureGraph, width: Width): LinearBlock[] {
  const { features, sets } = findWidths(graph);
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const endsOf = (names: readonly string[], labels: ReadonlyMap<string, Int32Array>) =>
    names.map((layer) => {
      const places = new Map<number, number[]>();
      for (const [place, label] of labels.get(layer)!.entries()) {
        const feature = sets.find(label);
        const own = places.get(feature);
        if (own === undefined) places.set(feature, [place]);
        else own.push(place);
      }
      return { layer, places };
    });
  const makers = endsOf(width.producers, features.rows);
  const readers = endsOf(width.consumers, features.columns);
  const plain = ({ layer }: End): boolean => {
    const { groups, span, shared } = layers.get(layer)!;
    return groups === 1 && span === 1 && !shared;
  };
  /** The ends of a block, each with one place for every feature; undefined where features are at different ones. */
  const ends = (block: Int32Array, found: typeof makers): End[] | undefined => {
    const result: End[] = [];
    for (const { layer, places } of found) {
      const all = [...block].map((feature) => places.get(feature) ?? []);
      const count = all[0]!.length;
      if (all.some(({ length }) => length !== count)) return undefined;
      for (let nth = 0; nth < count; nth++) result.push({ layer, places: all.map((own) => own[nth]!) });
    }
    return result.every(plain) ? result : undefined;
  };
  return [...width.blocks.entries()].flatMap(([index, block]): LinearBlock[] => {
    if (block.length < 2 || block.length > MOST_FEATURES) return [];
    const [made, read] = [ends(block, makers), ends(block, readers)];
    if (made === undefined || read === undefined) return [];
    const own = { width: width.name, index };
    if (read.length === 0) {
      const operands = operandsOf(graph, made);
      return operands === undefined
        ? []
        : [{ ...own, kind: 'paired', first: operands[0], second: operands[1] }];
    }
    const linear = read.every(
      ({ layer }) =>
        layer !== made[0]!.layer &&
        linearlyFrom(graph, layerRead(graph, layers.get(layer)!).tensor, made[0]!.layer),
    );
    return made.length === 1 && linear ? [{ ...own, kind: 'read', first: made, second: read }] : [];
  });
}

/** The ends on both sides of the one product that multiplies them; undefined where there is none, or not only linear operations are before it. */
function operandsOf(
  graph: FeatureGraph,
  ends: readonly End[],
): readonly [readonly End[], readonly End[]] | undefined {
  const names = [...new Set(ends.map(({ layer }) => layer))];
  const [one = '', other = one, ...more] = names;
  if (more.length > 0 || (other === one && ends.length !== 2)) return undefined;
  const of = (name: string): End[] => ends.filter(({ layer }) => layer === name);
  // Of one layer that makes both, queries are before keys: the other way round nothing is lost but some of what it is worth.
  const sides = one === other ? ([[ends[0]!], [ends[1]!]] as const) : ([of(one), of(other)] as const);
  const found = graph.operations.flatMap(({ flow, inputs }) => {
    const [left, right] = inputs;
    if (flow.type !== 'contraction' || left === undefined || right === undefined) return [];
    if (linearlyFrom(graph, left, one) && linearlyFrom(graph, right, other)) return [sides];
    if (linearlyFrom(graph, left, other) && linearlyFrom(graph, right, one))
      return [[sides[1], sides[0]] as const];
    return [];
  });
  return found.length === 1 ? found[0] : undefined;
}

/** Whether a tensor is what a layer gives, after operations that move features and mix positions, and nothing that is not linear in it. */
function linearlyFrom(graph: FeatureGraph, tensor: string, producer: string): boolean {
  const upstream = upstreamOf(graph);
  const from = (name: string): boolean => {
    const maker = upstream.maker(name);
    if (maker === undefined) return false;
    const { flow, inputs, effect } = maker;
    switch (flow.type) {
      case 'layer':
        return flow.layer === producer;
      case 'transpose':
      case 'reshape':
      case 'slice':
      case 'pick':
      case 'repeat':
        return from(inputs[0]!);
      case 'contraction':
        // What weighs the positions is no part of it.
        return inputs.filter(from).length === 1;
      case 'elementwise':
        return inputs.length === 1 && (flow.copies === true || effect?.type === 'linear') && from(inputs[0]!);
      default:
        return false;
    }
  };
  return from(tensor);
}
