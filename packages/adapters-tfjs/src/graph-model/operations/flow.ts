/** How rules say what a node does to features: in one step, or in several of core's. */
import type { FeatureFlow } from '@spherize/core';
import { isControl, type NodeDef } from '../nodes/node-def.js';
import type { KnownTensors, Shape } from './known-tensor.js';

/** What an axis of a weight tensor counts: rows, columns, or places of a filter. */
export type AxisRole = 'output' | 'input' | 'tap';

/** Weights that are applied, and a bias that is added to what they make. */
export interface WeightedFlow {
  readonly type: 'weighted';
  readonly kind: 'product' | 'convolution';
  /** The input of the node that holds the weights, a constant. */
  readonly slot: number;
  readonly roles: readonly AxisRole[];
  /** The input of the node that holds the bias, a constant. */
  readonly bias: number | undefined;
  /** One filter, or several, for each channel: its axes of outputs count channels, then filters of each. */
  readonly depthwise?: boolean;
  readonly reads: number;
  readonly makes: number;
}

export interface FlowStep {
  readonly flow: FeatureFlow | WeightedFlow;
  /** Of what it makes; the last step makes what the node does. */
  readonly shape?: Shape | undefined;
  /** Which activation it is, where one is fused with a product. */
  readonly activation?: string;
}

export interface FlowWriter extends KnownTensors {
  /** Whether a tensor is no constant. */
  varies(tensor: string): boolean;
  /** Steps of a node, of which the last makes its outputs; each other one reads what the one before made. */
  does(
    node: NodeDef,
    inputs: readonly string[],
    steps: readonly FlowStep[],
    outputs?: readonly string[],
  ): undefined;
  /** Steps that make a tensor in between. */
  prepares(node: NodeDef, inputs: readonly string[], steps: readonly FlowStep[]): string;
}

/** @returns why features do not pass a node that it has not described, as the end of a sentence after the operation's name */
export type FlowRule = (node: NodeDef, writer: FlowWriter) => string | undefined;

/** A rule for nodes that do one thing; undefined where the node has a form of which nothing is known. */
export function one(
  flow: (node: NodeDef, writer: FlowWriter) => FeatureFlow | undefined,
  unknown = 'has a form in which it is not known where features go',
): FlowRule {
  return (node, writer) => {
    return writer.does(node, varying(node, writer), [
      { flow: flow(node, writer) ?? { type: 'other', reason: unknown } },
    ]);
  };
}

/** @param reason the end of a sentence after the operation's name */
export function ends(reason: string): FlowRule {
  return one(() => ({ type: 'other', reason }));
}

/** The inputs of a node that are no constants. */
export function varying({ input }: NodeDef, writer: FlowWriter): string[] {
  return input.filter((name) => !isControl(name) && writer.varies(name));
}

/** The node's first input, which holds the features that it reads; the others say how. */
export function readingFirst(
  flow: (node: NodeDef, writer: FlowWriter, rank: number) => FeatureFlow | undefined,
  slot = 0,
): FlowRule {
  return (node, writer) => {
    const tensor = node.input[slot]!;
    const rank = writer.shape(tensor)?.length;
    const found = rank === undefined ? undefined : flow(node, writer, rank);
    const reason =
      rank === undefined ? 'reads a tensor of unknown shape' : 'moves them in a way that only a run tells';
    return writer.does(node, writer.varies(tensor) ? [tensor] : [], [
      { flow: found ?? { type: 'other', reason } },
    ]);
  };
}

/** The axis of channels of a node that has them, from the end. */
export function channelAxis(format: string | undefined, rank: number): number {
  return format?.startsWith('NC') ? 1 - rank : -1;
}
