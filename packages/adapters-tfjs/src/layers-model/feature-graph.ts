/** Lists the calls of a LayersModel's layers as core's feature flow, each with its effect, and all kernels that make and read features. */
import type { FeatureFlow, FeatureGraph, FeatureLayer, FilterWindow, FlowOperation } from '@spherize/core';
import { isFloat } from '../artifacts/weights.js';
import { boundShapes } from './bound-shapes.js';
import { callOrder } from './call-order.js';
import { activationFlow, activationName } from './classes/activations.js';
import { classOf } from './classes/class-table.js';
import type { FlowFacts, FlowStep, KernelFlow, KernelLayout, Shape } from './classes/layer-class.js';
import { filterWindow } from './filter-window.js';
import { InnerTensors, UniqueNames } from './inner-tensors.js';
import { INPUT_LAYER, type LayerDef, type LayerGraph, tensorName } from './layer-graph.js';
import { kernelFacts, type LayerKernel } from './layer-kernels.js';
import type { LayersModelFacts } from './layers-model-facts.js';
import { OperationEffects } from './operation-effects.js';

/** A layer with an activation of its own has the tensor `<layer>/linear` in it, and one of several steps others that are called after these. */
export class LayersModelFeatureGraph implements FeatureGraph {
  readonly layers: readonly FeatureLayer[];
  readonly operations: readonly FlowOperation[];
  readonly outputs: readonly string[];
  readonly inner: InnerTensors;
  readonly #facts: LayersModelFacts;
  readonly #shapes: Map<string, Shape>;
  readonly #kernels = new Map<string, LayerKernel>();
  readonly #defs = new Map<string, LayerDef>();
  readonly #names: UniqueNames;
  readonly #effects: OperationEffects;
  readonly #further: ReadonlyMap<string, readonly string[]>;

  constructor(facts: LayersModelFacts) {
    const { graph } = facts;
    this.#facts = facts;
    this.#shapes = new Map(boundShapes(graph));
    this.#effects = new OperationEffects(facts);
    this.#further = furtherOutputs(graph);
    this.outputs = [...new Set(graph.outputs.map(tensorName))];
    this.inner = new InnerTensors(graph);
    this.#names = new UniqueNames(graph.layers.map(({ name }) => name));
    this.operations = callOrder(graph).calls.flatMap(({ def, inputs, output, call }) =>
      def.className === INPUT_LAYER ? [] : this.#operations(def, call, inputs.map(tensorName), output),
    );
    const place = new Map(graph.layers.map((def, i) => [def, i]));
    this.layers = [...this.#kernels.values()]
      .sort((a, b) => place.get(a.def)! - place.get(b.def)! || a.call - b.call)
      .map(({ layer }) => layer);
  }

  shape(tensor: string): Shape | undefined {
    return this.#shapes.get(tensor);
  }

  kernel(layer: string): LayerKernel {
    const found = this.#kernels.get(layer);
    if (found === undefined) throw new Error(`no layer is called ${layer}`);
    return found;
  }

  /** The layer that an operation belongs to. */
  def(operation: string): LayerDef | undefined {
    return this.#defs.get(operation);
  }

  #operations(def: LayerDef, call: number, inputs: readonly string[], output: string): FlowOperation[] {
    const known = classOf(def.className);
    const own = activationName(def.config);
    const activation = known?.activates ? own : undefined;
    const label = def.className === 'Activation' ? (own ?? def.className) : def.className;
    const steps = this.#steps(def, call, inputs);
    const further = this.#further.get(output) ?? [];
    const made = new Map<string, string>();
    const operations: FlowOperation[] = [];
    let before = inputs;
    for (const [i, { flow, reads, name }] of steps.entries()) {
      const last = i === steps.length - 1;
      const operation = name === undefined ? output : this.#names.add(`${output}/${name}`);
      const part = last ? activation && 'linear' : name!;
      const result =
        part === undefined
          ? output
          : flow.type === 'kernel'
            ? this.inner.addKernel(def, call, part, last ? undefined : name)
            : this.inner.name(def, call, part);
      const read =
        reads?.map((from) => (typeof from === 'number' ? inputs[from]! : made.get(from)!)) ?? before;
      const shape = this.#shapes.get(read[0] ?? '');
      if (flow.type === 'transpose' && !last && shape !== undefined) {
        const turned = flow.permutation.map((axis) => shape[axis]);
        this.#shapes.set(result, turned);
      }
      if (name !== undefined) made.set(name, result);
      this.#defs.set(operation, def);
      operations.push({
        name: operation,
        // What lies inside of a layer is not gone on from.
        ...(result !== output && { partOf: output }),
        label,
        inputs: read,
        outputs: result === output ? [output, ...further] : [result],
        flow: flow.type === 'kernel' ? this.#kernel(operation, def, call, flow) : flow,
        effect: last ? this.#effects.of(def, call, result) : undefined,
      });
      before = [result];
    }
    if (activation === undefined) return operations;
    const name = this.#names.add(`${output}/${activation}`);
    const flow = activationFlow(activation);
    this.#defs.set(name, def);
    const effect = this.#effects.activation(def, call, activation, output);
    const outputs = [output, ...further];
    return [...operations, { name, label: activation, inputs: before, outputs, flow, effect }];
  }

  #steps(def: LayerDef, call: number, inputs: readonly string[]): readonly FlowStep[] {
    const ranks = inputs.map((input) => this.#shapes.get(input)?.length);
    const facts: FlowFacts = { ...this.#facts.factsOf(def, call), ranks };
    const rule = classOf(def.className)?.flow(facts) ?? { type: 'other', reason: 'is a custom layer' };
    return 'type' in rule ? [{ flow: rule }] : rule;
  }

  #kernel(
    name: string,
    def: LayerDef,
    call: number,
    { kernel, bias, layout, axis }: KernelFlow,
  ): FeatureFlow {
    const { names, weights } = this.#facts;
    const stored = weights.get(names.find(def.name, kernel) ?? '');
    if (stored === undefined) return { type: 'other', reason: 'has no kernel' };
    const { shape } = stored.spec;
    if (!isFloat(stored) || shape.length < 2 || shape.includes(0))
      return { type: 'other', reason: 'has a kernel that is no tensor of floats' };
    const added =
      bias && def.config.use_bias !== false ? weights.get(names.find(def.name, bias) ?? '') : undefined;
    const window = layout === LAID_OUT[def.className] ? windowOf(def, shape) : undefined;
    const layer: FeatureLayer = {
      name,
      ...kernelFacts(shape, layout),
      ...(window && { window }),
      bias: added !== undefined,
      shared: def.calls.length > 1,
    };
    const biasName = bias && (added?.spec.name ?? stored.spec.name.replace(/[^/]*$/, bias));
    this.#kernels.set(name, { layer, def, call, layout, kernel: stored, bias: added, biasName });
    return layout === 'depthwise'
      ? { type: 'depthwise', layer: name, axis, multiplier: layer.outputs / layer.inputs }
      : { type: 'layer', layer: name, reads: axis, makes: axis };
  }
}

/** Outputs of calls behind the first, as far as they are used, by the first. */
function furtherOutputs({ layers, outputs }: LayerGraph): ReadonlyMap<string, readonly string[]> {
  const used = [...layers.flatMap(({ calls }) => calls.flatMap(({ inputs }) => inputs)), ...outputs];
  const found = new Map<string, string[]>();
  for (const ref of used) {
    if (ref.tensor === 0) continue;
    const first = tensorName({ ...ref, tensor: 0 });
    const all = found.get(first) ?? [];
    found.set(first, [...new Set([...all, tensorName(ref)])]);
  }
  return found;
}

/** Layers whose filters can be laid out, and how their kernels lie. */
const LAID_OUT: Readonly<Record<string, KernelLayout>> = {
  Conv1D: 'inputs first',
  Conv2D: 'inputs first',
  Conv3D: 'inputs first',
  DepthwiseConv2D: 'depthwise',
};

/** Where a convolution looks; undefined where its filters cannot be laid out. */
function windowOf({ config }: LayerDef, shape: readonly number[]): FilterWindow | undefined {
  const window = filterWindow(config, shape, false);
  return typeof window === 'string' ? undefined : window;
}
