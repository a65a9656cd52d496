/** Names everything in a model that holds weights and is no layer to compress, each with its reason. */
import type { SkippedLayer } from '@spherize/core';
import {
  TensorProto_DataType as DataType,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from 'onnx-buf';
import { intAttribute } from '../proto/onnx-protos.js';
import { isFloatType } from '../proto/tensor-values.js';
import { ConstantScope, type StoredTensor } from '../tensors/constant-scope.js';
import { isProduct, type OnnxLayer, type UnfitProduct } from './fc-layers.js';
import { nameOfWeights, type UniqueNames } from './layer-names.js';
import { operatorOf } from './operators/operator-table.js';
import { reasonOf } from './unoffered-reasons.js';

/** Types that weights are quantised in. */
const QUANTISED: ReadonlySet<number> = new Set([
  DataType.INT8,
  DataType.UINT8,
  DataType.INT4,
  DataType.UINT4,
  DataType.INT16,
  DataType.UINT16,
  DataType.FLOAT8E4M3FN,
  DataType.FLOAT8E4M3FNUZ,
  DataType.FLOAT8E5M2,
  DataType.FLOAT8E5M2FNUZ,
  DataType.FLOAT4E2M1,
]);

/**
 * @param layers the layers that are offered, whose weights are theirs
 * @param unfit the products that are not, with their names and reasons
 * @param unique gives out the other names
 * @param convolutions why some of them are not compressed, as the end of a sentence
 */
export function unofferedWeights(
  model: ModelProto,
  layers: readonly OnnxLayer[],
  unfit: ReadonlyMap<NodeProto, UnfitProduct>,
  unique: UniqueNames,
  convolutions: ReadonlyMap<NodeProto, string>,
): SkippedLayer[] {
  return new Search(model, layers, unfit, unique, convolutions).skipped;
}

class Search {
  readonly skipped: SkippedLayer[] = [];
  readonly #unfit: ReadonlyMap<NodeProto, UnfitProduct>;
  readonly #unique: UniqueNames;
  readonly #convolutions: ReadonlyMap<NodeProto, string>;
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  /** Stored tensors that a layer or an entry has. */
  readonly #counted = new Set<StoredTensor>();

  constructor(
    { graph, functions }: ModelProto,
    layers: readonly OnnxLayer[],
    unfit: ReadonlyMap<NodeProto, UnfitProduct>,
    unique: UniqueNames,
    convolutions: ReadonlyMap<NodeProto, string>,
  ) {
    this.#unfit = unfit;
    this.#unique = unique;
    this.#convolutions = convolutions;
    this.#functions = new Map(functions.map((own) => [functionKey(own.domain, own.name), own]));
    const offered = new Set(layers.map(({ node }) => node));
    if (graph !== undefined) this.#walk(graph, offered);
    for (const { name, node } of functions) {
      const body = { node, initializer: [], sparseInitializer: [], input: [] };
      this.#walk(body, new Set(), undefined, `it is inside the function ${name}, which is left alone`);
    }
  }

  /** @param inside the reason of everything in a graph that is left alone as a whole */
  #walk(
    graph: Pick<GraphProto, 'node' | 'initializer' | 'sparseInitializer' | 'input'>,
    offered: ReadonlySet<NodeProto>,
    outside?: ConstantScope,
    inside?: string,
  ): void {
    const initializers = new Set(graph.initializer.map(({ name }) => name));
    // An initializer may be listed as an input too: it still holds weights.
    const input = graph.input.filter(({ name }) => !initializers.has(name));
    const scope = new ConstantScope({ ...graph, input }, outside);
    const users = graph.node.filter((node) => !scope.add(node));
    // A layer's weights are its own, whoever else reads them before it.
    for (const node of users) {
      if (offered.has(node))
        for (const tensor of scope.sources(node.input[1]!) ?? []) this.#counted.add(tensor);
    }
    for (const node of users) {
      this.#visit(node, scope, inside);
      for (const { g, graphs } of node.attribute) {
        for (const held of g === undefined ? graphs : [g, ...graphs]) {
          const what = `${node.opType} ${node.name || node.output[0]}`;
          this.#walk(
            held,
            new Set(),
            scope,
            inside ?? `it is inside the ${what}, whose subgraphs are left alone`,
          );
        }
      }
    }
    for (const tensor of scope.stored) {
      if (this.#counted.has(tensor) || !isWeight(tensor) || isVector(tensor)) continue;
      this.#counted.add(tensor);
      const name = this.#unique.add(nameOfWeights(tensor.name) ?? tensor.name);
      const reason = inside ?? 'nothing that depends on the inputs of the model reads it';
      this.skipped.push({ name, reason, parameters: tensor.size });
    }
  }

  #visit(node: NodeProto, scope: ConstantScope, inside: string | undefined): void {
    const product = isProduct(node);
    const unfit = this.#unfit.get(node);
    const operands = weightOperands(node).flatMap((name) => scope.sources(name) ?? []);
    const weights = operands.filter((tensor) => isWeightOf(node, tensor));
    const own = [...new Set(weights)].filter((tensor) => !this.#counted.has(tensor));
    for (const operand of node.input.flatMap((name) => scope.sources(name) ?? [])) this.#counted.add(operand);
    // Products that share their weights are named all the same.
    if (unfit === undefined && own.length === 0 && !(product && inside !== undefined && weights.length > 0))
      return;
    const largest = weights.toSorted((a, b) => b.size - a.size)[0];
    const name = unfit?.name ?? this.#unique.add(nameOf(node, largest!));
    const called = this.#functions.get(functionKey(node.domain, node.opType));
    const reason =
      inside ??
      unfit?.reason ??
      (called
        ? `it is passed to the function ${called.name}, which is left alone`
        : reasonOf(node, largest!, this.#convolutions.get(node)));
    this.skipped.push({
      name,
      reason,
      parameters: own.reduce((sum, tensor) => sum + valuesIn(node, tensor), 0),
    });
  }
}

function functionKey(domain: string, name: string): string {
  return `${domain}::${name}`;
}

function nameOf(node: NodeProto, { name }: StoredTensor): string {
  return nameOfWeights(name) ?? (node.name || node.output[0]!);
}

/** The inputs of a node that may be weights: not those with the scales of packed ones. */
function weightOperands(node: NodeProto): readonly string[] {
  return isPacked(node) ? node.input.slice(1, 2) : node.input;
}

/** Whether a node is a product with several weights in one byte, of K × N values. */
function isPacked(node: NodeProto): boolean {
  return operatorOf(node)?.packed === true;
}

function valuesIn(node: NodeProto, { size }: StoredTensor): number {
  const [rows, columns] = [intAttribute(node, 'K', 0), intAttribute(node, 'N', 0)];
  return isPacked(node) && rows * columns > 0 ? rows * columns : size;
}

function isWeightOf(node: NodeProto, tensor: StoredTensor): boolean {
  if (isProduct(node) || isPacked(node)) return tensor.dims.length > 1 && !isBias(node, tensor);
  return isWeight(tensor) && !(operatorOf(node)?.takesVectors && isVector(tensor));
}

function isBias(node: NodeProto, tensor: StoredTensor): boolean {
  return isVector(tensor) && tensor.name === node.input[2];
}

/** Whether a stored tensor has the type and the axes of weights. */
function isWeight({ dims, dataType }: StoredTensor): boolean {
  return dims.length > 1 && (isFloatType(dataType) || QUANTISED.has(dataType));
}

/** One value per feature, however many axes of size 1 are around it. */
function isVector({ dims }: StoredTensor): boolean {
  return dims.filter((size) => size !== 1).length < 2;
}
