import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { portableEngine } from '../matrix/portable-engine.js';

/** An engine, and how to let go of it. */
export interface OpenEngine {
  readonly engine: MatrixEngine;
  release(): Promise<void>;
}

/** The given engine, which stays its owner's; or that of the model's format, or else the portable one, to be released. */
export async function openEngine(model: Model, given: MatrixEngine | undefined): Promise<OpenEngine> {
  const engine = given ?? (await model.engine?.()) ?? portableEngine;
  return {
    engine,
    async release() {
      if (given === undefined) await engine.release?.();
    },
  };
}
