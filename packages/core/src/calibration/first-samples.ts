import type { CalibrationInputs } from './calibration-inputs.js';

/** The first batches of some inputs, with so many samples or a few more. */
export function firstSamples(inputs: CalibrationInputs, samples: number): CalibrationInputs {
  return {
    name: inputs.name,
    samples: Math.min(samples, inputs.samples),
    async *batches(signal) {
      let seen = 0;
      for await (const batch of inputs.batches(signal)) {
        yield batch;
        seen += Object.values(batch)[0]?.shape[0] ?? 1;
        if (seen >= samples) return;
      }
    },
  };
}
