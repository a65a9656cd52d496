/** Takes features out of a graph model as core says: the same nodes, with less in them. */
import {
  InputError,
  type ModelNarrowing,
  type NarrowedConstant,
  type NarrowedWeights,
  narrowedValues,
} from '@spherize/core';
import { storedAs } from '../artifacts/storage.js';
import { floatValues, isFloat, type Weight } from '../artifacts/weights.js';
import type { WeightedNode } from './feature-graph.js';
import { layoutOf } from './feature-weights.js';
import { GraphEditor } from './graph-editor.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import { narrowSizes } from './narrow-sizes.js';
import type { GraphIndex } from './nodes/graph-index.js';
import type { NodeDef } from './nodes/node-def.js';
import { rewriteLayer } from './rewrite-graph-model.js';
import { TensorShapes } from './tensor-shapes.js';

/** @throws InputError `UNSUPPORTED` where lengths are computed in a way that does not follow the features */
export function narrowGraphModel(
  facts: GraphModelFacts,
  narrowing: ModelNarrowing,
): { nodes: NodeDef[]; weights: Map<string, Weight> } {
  const { index, features } = facts;
  const editor = new GraphEditor(index);
  for (const [name, { weights, bias }] of narrowing.layers) {
    const target = features.weighted(name);
    if (target.product === undefined) setWeights(editor, target, { weights, bias });
    else rewriteLayer(editor, target.product, { layer: name, weights, bias, input: null });
  }
  for (const constant of narrowing.constants) narrowConstant(facts, editor, constant);
  narrowSizes(features, editor, narrowing);
  return editor.finish();
}

/** @throws InputError `UNSUPPORTED` where a graph computes lengths that did not become shorter with the features */
export function requireSizes(
  narrower: GraphIndex,
  { features }: GraphModelFacts,
  { sizes }: ModelNarrowing,
): void {
  if (sizes.size === 0) return;
  const shapes = new TensorShapes(narrower, features.shapes.batch);
  for (const [tensor, lengths] of sizes) {
    const shape = shapes.shape(tensor);
    for (const [axis, length] of lengths) {
      const found = shape?.at(axis);
      if (found === undefined || found === length) continue;
      throw new InputError(
        'UNSUPPORTED',
        `${tensor}: the graph computes its length ${found} in a way that does not follow its features, of which ${length} are left`,
      );
    }
  }
}

function setWeights(editor: GraphEditor, target: WeightedNode, { weights, bias }: NarrowedWeights): void {
  const { layer, node, slot, source, bias: added } = target;
  const laidOut = layoutOf(target, weights);
  if (laidOut === undefined)
    throw new InputError(
      'UNSUPPORTED',
      `${layer.name}: its weights cannot be divided into blocks of one size`,
    );
  editor.setConstant(node, slot, source, `${layer.name}/kernel`, (name) =>
    storedAs(source.weight, layer.name, name, laidOut.shape, laidOut.values),
  );
  if (added === undefined || bias === null) return;
  editor.setConstant(node, added.slot, added.source, `${layer.name}/bias`, (name) =>
    storedAs(added.source.weight, layer.name, name, [bias.length], bias),
  );
}

function narrowConstant(
  { index, features }: GraphModelFacts,
  editor: GraphEditor,
  constant: NarrowedConstant,
): void {
  const { operation, slot } = constant;
  const node = features.nodeOf(operation);
  const source = index.constant(node.input[slot])!;
  const { weight } = source;
  if (!isFloat(weight))
    throw new InputError('UNSUPPORTED', `${operation}: its constant ${weight.spec.name} holds no floats`);
  const { shape, values } = narrowedValues(floatValues(weight), weight.spec.shape, constant);
  editor.setConstant(node, slot, source, `${node.name}/constant${slot}`, (name) =>
    storedAs(weight, operation, name, shape, values),
  );
}
