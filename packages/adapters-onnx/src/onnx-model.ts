/** An ONNX model in memory, as core sees it. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  checkRewrite,
  type DenseMatrix,
  type FcLayer,
  type GraphView,
  InputError,
  type MatrixEngine,
  type Model,
  type ModelRewrite,
  type ModelSession,
  type ReadOptions,
  type SkippedLayer,
  type TensorInfo,
} from '@spherize/core';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { checkModel } from './check-model.js';
import { layerBias, layerWeights } from './layer-values.js';
import { onnxRuntimeEngine } from './matrix-engine.js';
import { findWeightProducts, multiplicationsIn } from './multiply-accumulates.js';
import { sortedModel } from './node-order.js';
import { type KeptNames, OnnxGraph } from './onnx-graph.js';
import { attribute, declaredShape, elementType } from './onnx-protos.js';
import { rewriteModel } from './rewrite-model.js';
import { startModelSession } from './session.js';
import { splitModel } from './split-model.js';
import { isFloatType, roundoffOf, sizeOf } from './tensor-values.js';
import { needsExternalData, writeAsOneFile, writeWithExternalData } from './write-model.js';

/** What is known about a model beside its messages. */
export interface OnnxModelOrigin {
  /** The encoded model, when it is at hand. */
  readonly bytes?: Uint8Array | undefined;
  readonly names?: KeptNames | undefined;
  /** Whether its values lay in files of their own, as they will again when it is written. */
  readonly external?: boolean | undefined;
  /** Whether weights behind DequantizeLinear are layers' weights. A layer that is rewritten gets floats. Default no. */
  readonly dequantize?: boolean | undefined;
  /** See `Model.overflowing`. */
  readonly overflowing?: ReadonlySet<string> | undefined;
}

/** The model of an ONNX file's bytes, which are viewed, not copied: leave them as they are. */
export function onnxModel(bytes: Uint8Array, { dequantize }: ReadOptions = {}): Model {
  const proto = decodeModel(bytes, 'the data');
  checkModel(proto, 'the data');
  return new OnnxModel(sortedModel(proto), { bytes, dequantize });
}

/**
 * @param source what to call the bytes in messages
 * @throws InputError `BAD_FILE` when they are no ONNX model
 */
export function decodeModel(bytes: Uint8Array, source: string): ModelProto {
  const refuse = (why: string, cause?: unknown) =>
    new InputError('BAD_FILE', `${source} is not an ONNX model: ${why}; export or fetch it again`, { cause });
  if (bytes.length === 0) throw refuse('it is empty');
  let model: ModelProto;
  try {
    // A plain view: the methods of Buffer differ from those of Uint8Array.
    model = fromBinary(ModelProtoSchema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw refuse('it cannot be decoded', error);
  }
  if (model.graph === undefined || model.graph.node.length === 0) throw refuse('it has no graph');
  if (model.opsetImport.length === 0) throw refuse('it names no operator set');
  return model;
}

export class OnnxModel implements Model {
  readonly #proto: ModelProto;
  readonly #bytes: Uint8Array | undefined;
  readonly #external: boolean;
  readonly #dequantize: boolean;
  readonly #graph: OnnxGraph;
  readonly overflowing: ReadonlySet<string>;

  constructor(
    proto: ModelProto,
    { bytes, names, external = false, dequantize = false, overflowing = new Set() }: OnnxModelOrigin = {},
  ) {
    this.#proto = proto;
    this.overflowing = overflowing;
    this.#bytes = bytes;
    this.#external = external;
    this.#dequantize = dequantize;
    this.#graph = new OnnxGraph(proto, names, dequantize);
  }

  get layers(): readonly FcLayer[] {
    return this.#graph.layers.map(({ layer }) => layer);
  }

  get skipped(): readonly SkippedLayer[] {
    return this.#graph.skipped;
  }

  get notes(): readonly string[] {
    const { defaults } = this.#graph.index;
    if (defaults.length === 0) return [];
    return [
      `initializers that are inputs too are taken as constants: ${defaults.join(', ')}; a rewritten model no longer takes them as inputs`,
    ];
  }

  get inputs(): readonly TensorInfo[] {
    return this.#graph.index.inputs.map(tensorInfo);
  }

  get outputs(): readonly TensorInfo[] {
    return this.#graph.index.graph.output.map(tensorInfo);
  }

  get graph(): GraphView {
    return this.#graph.description;
  }

  get parameters(): number {
    return this.#weightTensors().reduce((sum, tensor) => sum + sizeOf(tensor), 0);
  }

  get roundoff(): number {
    return Math.max(2 ** -24, ...new Set(this.#weightTensors().map(({ dataType }) => roundoffOf(dataType))));
  }

  async multiplyAccumulates(inputs: readonly TensorInfo[] = this.inputs): Promise<number | undefined> {
    const found = findWeightProducts(this.#graph.index, this.#graph.shapes);
    return found && multiplicationsIn(found, this.#graph.index.model, inputs);
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
    const { model, overflowing } = rewriteModel(this.#graph, rewrite, widths);
    return this.#derived(model, overflowing);
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const parts = splitModel(this.#graph, [...layers, ...also]);
    if (parts === undefined) return { head: undefined, tail: this };
    return { head: this.#derived(parts.head), tail: this.#derived(parts.tail) };
  }

  async session(): Promise<ModelSession> {
    this.#requireFinite();
    return startModelSession(this.#proto, this.#bytes);
  }

  async engine(): Promise<MatrixEngine> {
    return onnxRuntimeEngine();
  }

  async write(target: string): Promise<number> {
    this.#requireFinite();
    if (this.#external || needsExternalData(this.#proto)) return writeWithExternalData(this.#proto, target);
    return writeAsOneFile(this.#bytes ?? this.#proto, target);
  }

  /** A rewrite may not leave infinite weights. */
  #requireFinite(): void {
    const [name] = this.overflowing;
    if (name === undefined) return;
    throw new InputError(
      'UNSUPPORTED',
      `${name}: its new weights are too large for the type that stores them; leave the layer out with --layers, or convert the model to float32`,
    );
  }

  #derived(proto: ModelProto, overflowing: ReadonlySet<string> = new Set()): OnnxModel {
    return new OnnxModel(proto, {
      overflowing: new Set([...this.overflowing, ...overflowing]),
      names: this.#graph.keptNames,
      external: this.#external,
      dequantize: this.#dequantize,
    });
  }

  #weightTensors(): TensorProto[] {
    const { graph, model } = this.#graph.index;
    const bodies = model.functions.flatMap(({ node }) => constantsOf(node));
    return [...tensorsOf(graph), ...bodies].filter(({ dataType }) => isFloatType(dataType));
  }
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
