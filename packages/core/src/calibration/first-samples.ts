import { type CalibrationInputs, samplesOf } from './calibration-inputs.js';

/** The first batches of some inputs, with so many samples or a few more. */
export function firstSamples(inputs: CalibrationInputs, samples: number): CalibrationInputs {
  return {
    name: inputs.name,
    samples: Math.min(samples, inputs.samples),
    async *batches(signal) {
      let seen = 0;
      for await (const batch of inputs.batches(signal)) {
        yield batch;
        seen += samplesOf(batch);
        if (seen >= samples) return;
      }
    },
  };
}
