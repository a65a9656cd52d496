/** An ONNX model in memory, as core sees it. */
import {
  checkRewrite,
  type DenseMatrix,
  type FcLayer,
  type FeatureGraph,
  InputError,
  type LatencyModel,
  type MatrixEngine,
  type Model,
  type ModelConvolutions,
  type ModelFeatures,
  type ModelRewrite,
  type ModelSession,
  type SkippedLayer,
  type TensorInfo,
  type WeightStorage,
  type WeightType,
} from '@spherize/core';
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { featureWeights, layerBias, layerWeights } from './graph/layer-values.js';
import { type KeptNames, OnnxModelFacts } from './graph/onnx-model-facts.js';
import { storedStatistics } from './graph/stored-statistics.js';
import { tableEntries } from './graph/table-entries.js';
import type { HeldModel, OnnxHost } from './host.js';
import { LATENCY_MODEL } from './latency-model.js';

import { attribute, declaredShape, elementType } from './proto/onnx-protos.js';
import { isFloatType, roundoffOf, sizeOf } from './proto/tensor-values.js';
import { narrowModel } from './rewrite/narrow-model.js';
import { observing } from './rewrite/observing.js';
import { rewriteModel } from './rewrite/rewrite-model.js';
import { splitModel } from './rewrite/split-model.js';
import { findWeightProducts, multiplicationsIn } from './runtime/multiply-accumulates.js';
import { packedModel, storedIn } from './storage/packed-model.js';
import { rowLayers, sharesWithoutZeros, storeOnnxWeights } from './storage/store-weights.js';
import type { StoredTensors } from './storage/stored-weights.js';

/** What is known about a model beside how it is held. */
export interface OnnxModelOrigin {
  readonly names?: KeptNames | undefined;
  /** Whether weights behind DequantizeLinear are layers' weights. A layer that is rewritten gets floats. Default no. */
  readonly dequantize?: boolean | undefined;
  /** Weights that the file holds in fewer bits. Default: none. */
  readonly stored?: StoredTensors | undefined;
  /** See `Model.overflowing`. */
  readonly overflowing?: ReadonlySet<string> | undefined;
  /** See `Model.vanishing`. */
  readonly vanishing?: ReadonlySet<string> | undefined;
}

export class OnnxModel implements Model {
  readonly #held: HeldModel;
  readonly #host: OnnxHost;
  readonly #dequantize: boolean;
  readonly #stored: StoredTensors;
  readonly #graph: OnnxModelFacts;
  readonly overflowing: ReadonlySet<string>;
  readonly vanishing: ReadonlySet<string>;
  #packed: HeldModel | undefined;

  constructor(
    held: HeldModel,
    host: OnnxHost,
    {
      names,
      dequantize = false,
      stored = new Map(),
      overflowing = new Set(),
      vanishing = new Set(),
    }: OnnxModelOrigin = {},
  ) {
    this.#held = held;
    this.#host = host;
    this.overflowing = overflowing;
    this.vanishing = vanishing;
    this.#dequantize = dequantize;
    this.#stored = stored;
    this.#graph = new OnnxModelFacts(held.proto, names, dequantize);
  }

  get layers(): readonly FcLayer[] {
    return this.#graph.layers.map(({ layer }) => layer);
  }

  get convolutions(): ModelConvolutions {
    return {
      layers: this.#graph.convolutions.map(({ layer }) => layer),
      offer: (names) => this.#offering(names),
    };
  }

  get skipped(): readonly SkippedLayer[] {
    return this.#graph.skipped;
  }

  get notes(): readonly string[] {
    const { defaults } = this.#graph.index;
    const found = mostOf(this.#stored);
    const stored =
      found === undefined
        ? []
        : [`weights of ${this.#stored.size} tensors are stored in fewer bits, most as ${found}`];
    if (defaults.length === 0) return stored;
    return [
      ...stored,
      `initializers that are inputs too are taken as constants: ${defaults.join(', ')}; a rewritten model no longer takes them as inputs`,
    ];
  }

  get inputs(): readonly TensorInfo[] {
    const { index, shapes } = this.#graph;
    return index.inputs.map((info) => {
      const axes = axisNames(info);
      const entries = tableEntries(index, shapes, info.name);
      return {
        ...tensorInfo(info),
        ...(axes === undefined ? {} : { axes }),
        ...(entries === undefined ? {} : { entries }),
      };
    });
  }

  get outputs(): readonly TensorInfo[] {
    return this.#graph.index.graph.output.map(tensorInfo);
  }

  get graph(): FeatureGraph {
    return this.#graph.features;
  }

  get features(): ModelFeatures {
    const { index, features } = this.#graph;
    return {
      weights: (layer) => featureWeights(features.weighted(layer)),
      get statistics() {
        return storedStatistics(index, features);
      },
      narrow: (narrowing) => {
        const { model, overflowing } = narrowModel(this.#graph, narrowing);
        return this.#derived(model, overflowing);
      },
      resumes: true,
      observe: (tensors, given) => {
        const { index, shapes } = this.#graph;
        return this.#derived(observing(index.model, shapes, tensors, given));
      },
    };
  }

  get latencyModel(): LatencyModel {
    return LATENCY_MODEL;
  }

  get storage(): WeightStorage {
    const [graph, tensors] = [this.#graph, this.#stored];
    return {
      found: mostOf(tensors),
      get rowLayers() {
        return rowLayers(graph, tensors);
      },
      withoutZeros: (type) => sharesWithoutZeros(graph, type),
      store: (type, rounded) => {
        const { model, stored, report } = storeOnnxWeights(this.#graph, this.#stored, type, rounded);
        return { model: this.#with(model, stored), floats: this.#with(model, new Map()), report };
      },
    };
  }

  get bytesPerWeight(): number | undefined {
    const stored = storedIn(this.#held.proto, this.#stored);
    if (stored.length === 0) return undefined;
    const bytes = stored.reduce((sum, { data, others }) => {
      const held = others === undefined ? [data] : [others.gaps, others.values];
      return held.reduce((all, { rawData }) => all + rawData.length, sum);
    }, 0);
    return bytes / stored.reduce((sum, { floats }) => sum + sizeOf(floats), 0);
  }

  get parameters(): number {
    return this.#weightTensors().reduce((sum, tensor) => sum + sizeOf(tensor), 0);
  }

  get roundoff(): number {
    return Math.max(2 ** -24, ...new Set(this.#weightTensors().map(({ dataType }) => roundoffOf(dataType))));
  }

  async multiplyAccumulates(inputs: readonly TensorInfo[] = this.inputs): Promise<number | undefined> {
    const found = findWeightProducts(this.#graph.index, this.#graph.shapes);
    return found && multiplicationsIn(this.#host, found, this.#graph.index.model, inputs);
  }

  weights(layer: string): DenseMatrix {
    return layerWeights(this.#graph.layer(layer));
  }

  bias(layer: string): Float32Array | undefined {
    return layerBias(this.#graph.layer(layer));
  }

  rewrite(rewrite: ModelRewrite): Model {
    const widths = checkRewrite(this, rewrite);
    if (rewrite.layers.length === 0 && rewrite.features.length === 0) return this;
    const { model, overflowing, vanishing } = rewriteModel(this.#graph, rewrite, widths);
    return this.#derived(model, overflowing, vanishing);
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const parts = splitModel(this.#graph, [...layers, ...also]);
    if (parts === undefined) return { head: undefined, tail: this };
    return { head: this.#derived(parts.head), tail: this.#derived(parts.tail) };
  }

  /**
   * What is to be run, written or encoded.
   *
   * @throws InputError `UNSUPPORTED` where a rewrite left infinite weights
   */
  held(): HeldModel {
    const [name] = this.overflowing;
    if (name === undefined) {
      this.#packed ??= { ...this.#held, proto: packedModel(this.#held.proto, this.#stored) };
      return this.#packed;
    }
    throw new InputError(
      'UNSUPPORTED',
      `${name}: its new weights are too large for the type that stores them; leave the layer out, or convert the model to float32`,
    );
  }

  async session(): Promise<ModelSession> {
    return this.#host.start(this.held());
  }

  engine(): Promise<MatrixEngine> {
    return this.#host.engine();
  }

  async write(target: string): Promise<number> {
    return this.#host.write(this.held(), target);
  }

  #offering(names: readonly string[]): OnnxModel {
    const { keptNames, convolutions } = this.#graph;
    const wanted = convolutions.filter(({ name }) => names.includes(name));
    const offered = new Map([
      ...keptNames.convolutions,
      ...wanted.map(({ output, name }) => [output, name] as const),
    ]);
    return new OnnxModel(this.#held, this.#host, {
      overflowing: this.overflowing,
      vanishing: this.vanishing,
      names: { ...keptNames, convolutions: offered },
      dequantize: this.#dequantize,
      stored: this.#stored,
    });
  }

  #derived(
    proto: ModelProto,
    overflowing: ReadonlySet<string> = new Set(),
    vanishing: ReadonlySet<string> = new Set(),
    stored: StoredTensors = this.#stored,
  ): OnnxModel {
    return new OnnxModel({ proto, external: this.#held.external }, this.#host, {
      overflowing: new Set([...this.overflowing, ...overflowing]),
      vanishing: new Set([...this.vanishing, ...vanishing]),
      names: this.#graph.keptNames,
      dequantize: this.#dequantize,
      stored,
    });
  }

  #with(proto: ModelProto, stored: StoredTensors): OnnxModel {
    // Nothing changed: the bytes that were read.
    const same = proto === this.#held.proto && stored === this.#stored;
    return same ? this : this.#derived(proto, this.overflowing, this.vanishing, stored);
  }

  #weightTensors(): TensorProto[] {
    const { graph, model } = this.#graph.index;
    const bodies = model.functions.flatMap(({ node }) => constantsOf(node));
    return [...tensorsOf(graph), ...bodies].filter(({ dataType }) => isFloatType(dataType));
  }
}

/** The type that holds most weights of a file, of those with fewer bits. */
function mostOf(stored: StoredTensors): WeightType | undefined {
  const values = new Map<WeightType, number>();
  for (const { type, floats } of stored.values()) values.set(type, (values.get(type) ?? 0) + sizeOf(floats));
  return [...values].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** The constants of a graph and of the subgraphs in it. */
function tensorsOf({ initializer, sparseInitializer, node }: GraphProto): TensorProto[] {
  return [...initializer, ...sparseInitializer.flatMap(({ values }) => values ?? []), ...constantsOf(node)];
}

function constantsOf(nodes: readonly NodeProto[]): TensorProto[] {
  return nodes.flatMap((node) =>
    node.opType === 'Constant'
      ? (attribute(node, 'value')?.t ?? attribute(node, 'sparse_value')?.sparseTensor?.values ?? [])
      : node.attribute.flatMap(({ g, graphs }) => [...(g ? tensorsOf(g) : []), ...graphs.flatMap(tensorsOf)]),
  );
}

function tensorInfo(info: ValueInfoProto): TensorInfo {
  const type = elementType(info);
  return {
    name: info.name,
    shape: declaredShape(info) ?? [undefined],
    ...(type === 'float32' ? {} : { type }),
  };
}

/** What the file calls the free axes of an input; undefined where it names none. */
function axisNames(info: ValueInfoProto): (string | undefined)[] | undefined {
  if (declaredShape(info) === undefined) return undefined;
  const { value } = info.type!;
  const dims = value.case === 'tensorType' ? (value.value.shape?.dim ?? []) : [];
  const names = dims.map(({ value: own }) =>
    own.case === 'dimParam' && own.value !== '' ? own.value : undefined,
  );
  return names.some((name) => name !== undefined) ? names : undefined;
}
