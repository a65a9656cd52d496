/**
 * Writes what truncated decompositions of all layers keep of a model, to compare with:
 *
 *     node models/low-rank.mjs model.onnx low-rank.onnx 0.5 folder:train
 *
 * Every matrix W [m, n] becomes U·V of the largest rank r with r·(m + n) ≤ share·m·n, in the order of the graph: the one whose outputs on 500 unlabelled
 * samples of the data come nearest to the original's, after what the layers before have become (reduced-rank regression on outputs; Izenman, 1975,
 * doi:10.1016/0047-259X(75)90042-1). Filters of a convolution are rows of W. The file holds the products U·V, which compute what two layers would; the
 * last line says how many parameters the factors have. Needs a build.
 */
import { createRequire } from 'node:module';
import { openCalibration } from '../apps/cli/dist/calibration/open-calibration.js';
import { openModel } from '../apps/cli/dist/plugins/model-formats.js';
import { otherWeights } from '../packages/core/dist/index.js';

const require = createRequire(new URL('../packages/core/package.json', import.meta.url));
const { EigenvalueDecomposition, Matrix, QrDecomposition, solve } = require('ml-matrix');

const ROWS = 4096;
const RIDGE = 1e-4;
const [source, target, share, data] = process.argv.slice(2);
const { model } = await openModel(source);
const { inputs } = await openCalibration(model, { calibrate: data, seed: 0 });
const { graph, features } = model;
const changed = new Map();
const narrowed = () => features.narrow(otherWeights(changed));

let parameters = model.parameters;
for (const { flow, outputs } of graph.operations) {
  if (flow.type !== 'layer') continue;
  const layer = graph.layers.find(({ name }) => name === flow.layer);
  const m = layer.outputs;
  const n = layer.inputs * layer.span;
  const rank = Math.floor((Number(share) * m * n) / (m + n));
  if (layer.shared || layer.groups > 1 || rank < 1 || rank >= Math.min(m, n)) continue;
  const { weights, bias } = features.weights(layer.name);
  const filters = Matrix.from1DArray(m, n, weights.data);
  // All that the layer gives lies in the space of W's columns, besides the bias.
  const space = m > n ? new QrDecomposition(filters).orthogonalMatrix : Matrix.eye(m);
  const wanted = (await rowsOf(model, outputs[0], flow.makes)).mmul(space);
  const given = (await rowsOf(narrowed(), outputs[0], flow.makes)).mmul(space);
  const { map: inner, means } = nearest(wanted, given, rank);
  const map = space.mmul(inner).mmul(space.transpose());
  const [meanWanted, meanGiven] = means.map((mean) => space.mmul(mean));
  const own = map.mmul(filters);
  const moved = Matrix.columnVector([...(bias ?? new Float32Array(m))]).sub(meanGiven);
  changed.set(layer.name, {
    weights: { ...weights, data: Float32Array.from(own.to1DArray()) },
    bias: bias && Float32Array.from(map.mmul(moved).add(meanWanted).to1DArray()),
  });
  parameters += rank * (m + n) - m * n;
  console.error(`${layer.name}: rank ${rank} of ${Math.min(m, n)}`);
}
await narrowed().write(target);
console.log(
  `${model.parameters} → ${parameters} parameters (${(parameters / model.parameters - 1).toFixed(3)})`,
);

/** Some of a tensor's rows, with a value for each feature. */
async function rowsOf(of, tensor, axis) {
  const session = await of.features.observe([tensor]).session();
  const rows = [];
  for await (const feeds of inputs.batches()) {
    const { shape, data: values } = (await session.run(feeds))[tensor];
    const inner = shape.slice(shape.length + axis + 1).reduce((all, length) => all * length, 1);
    const size = shape.at(axis);
    const count = values.length / size;
    const taken = Math.min(count, Math.ceil((ROWS * shape[0]) / inputs.samples));
    for (let i = 0; i < taken; i++) {
      const row = Math.floor((i * count) / taken);
      const start = Math.floor(row / inner) * size * inner + (row % inner);
      rows.push(Float64Array.from({ length: size }, (_, feature) => values[start + feature * inner]));
    }
  }
  await session.release();
  return new Matrix(rows);
}

/** M of the given rank with `wanted ≈ M·given`, both about their means. */
function nearest(wanted, given, rank) {
  const [meanWanted, meanGiven] = [wanted, given].map((rows) => Matrix.columnVector(rows.mean('column')));
  const [y, z] = [
    Matrix.sub(wanted, Matrix.ones(wanted.rows, 1).mmul(meanWanted.transpose())),
    Matrix.sub(given, Matrix.ones(given.rows, 1).mmul(meanGiven.transpose())),
  ];
  const turned = z.transpose();
  const zz = turned.mmul(z);
  const ridge = (RIDGE * zz.trace()) / zz.rows;
  const full = solve(Matrix.add(zz, Matrix.eye(zz.rows).mul(ridge)), turned.mmul(y)).transpose();
  const fitted = z.mmul(full.transpose());
  const { eigenvectorMatrix } = new EigenvalueDecomposition(fitted.transpose().mmul(fitted), {
    assumeSymmetric: true,
  });
  const first = eigenvectorMatrix.rows - rank;
  const basis = eigenvectorMatrix.subMatrix(0, eigenvectorMatrix.rows - 1, first, first + rank - 1);
  return { map: basis.mmul(basis.transpose()).mmul(full), means: [meanWanted, meanGiven] };
}
