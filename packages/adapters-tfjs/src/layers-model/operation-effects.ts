/** What calls of layers do to the factors and the order of features: as the table says, and as what reads them asks. */
import { type OperationEffect, stops } from '@spherize/core';
import { activationEffect } from './classes/activations.js';
import { classOf } from './classes/class-table.js';
import type { LayerDef } from './layer-graph.js';
import type { LayersModelFacts } from './layers-model-facts.js';

export class OperationEffects {
  readonly #facts: LayersModelFacts;
  readonly #layerInputs: ReadonlySet<string>;

  constructor(facts: LayersModelFacts) {
    this.#facts = facts;
    this.#layerInputs = new Set(facts.layers.map(({ layer }) => layer.input));
  }

  /**
   * What a layer does before an activation of its own.
   *
   * @param output the tensor that it makes
   */
  of(def: LayerDef, call: number, output: string): OperationEffect {
    return this.#leading(output, this.#byTable(def, call));
  }

  activation(def: LayerDef, call: number, activation: string, output: string): OperationEffect {
    return this.#leading(output, activationEffect(activation, this.#facts.factsOf(def, call).after));
  }

  /** Whether the features of a tensor are the columns of the layer that reads it. */
  #leading(output: string, effect: OperationEffect): OperationEffect {
    const upright = effect.type === 'other' || this.#facts.tensors.places.get(output) === 0;
    return upright || !this.#layerInputs.has(output)
      ? effect
      : stops('does not lead one feature to each column');
  }

  #byTable(def: LayerDef, call: number): OperationEffect {
    const { name, className, calls } = def;
    if (calls[call]!.inputs.length !== 1) return stops('combines several tensors');
    if (this.#facts.sums.has(name)) return stops('sums the members of clusters');
    const layer = this.#facts.layers.find((own) => own.layer.name === name)?.layer;
    if (layer !== undefined && layer.window === undefined) {
      return { type: 'fully-connected', layer: name, outputs: layer.outputs, shared: false };
    }
    const rule = classOf(className)?.effect ?? stops('is a custom layer');
    const effect = typeof rule === 'function' ? rule(this.#facts.factsOf(def, call)) : rule;
    return effect.type === 'convolution' ? { ...effect, layer: layer?.name } : effect;
  }
}
