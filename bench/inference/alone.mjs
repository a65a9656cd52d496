// Times one model that is alone in its process, run after run, and prints every run's milliseconds as JSON:
//   node bench/inference/alone.mjs MODEL BATCH SECONDS
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { modelInputs, WARM_UPS } from './latency.mjs';

const [path, batch, seconds] = process.argv.slice(2);
const { model } = await onnxFormat.read(path);
const inputs = modelInputs(model, Number(batch));
const session = await model.session();
for (let i = 0; i < WARM_UPS; i++) await session.run(inputs);
const times = [];
const started = performance.now();
while (performance.now() - started < 1000 * Number(seconds)) {
  const start = performance.now();
  await session.run(inputs);
  times.push(performance.now() - start);
}
await session.release();
console.log(JSON.stringify(times));
