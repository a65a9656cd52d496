/** A small network, trained in plain loops: small enough for that, and the same bits wherever it runs. */

/** Convolutions without padding, in steps of 2, then products; ReLU between all of them. Channels come first. */
export const LAYERS = [
  { name: 'conv1', from: 1, to: 8, kernel: 5, side: 28, made: 12 },
  { name: 'conv2', from: 8, to: 24, kernel: 3, side: 12, made: 5 },
  { name: 'fc1', from: 600, to: 40, kernel: 1, side: 1, made: 1 },
  { name: 'fc2', from: 40, to: 10, kernel: 1, side: 1, made: 1 },
];
const STEP = 2;
const RATE = 0.002;
const [FIRST, SECOND] = [0.9, 0.999];

/** Where the products of a layer read and write: for each a filter's weight, an input and an output. */
function places({ from, to, kernel, side, made }) {
  const reads = [];
  for (let y = 0; y < made; y++)
    for (let x = 0; x < made; x++)
      for (let c = 0; c < from; c++)
        for (let ky = 0; ky < kernel; ky++)
          for (let kx = 0; kx < kernel; kx++) reads.push((c * side + STEP * y + ky) * side + STEP * x + kx);
  return { reads: Int32Array.from(reads), size: from * kernel * kernel, positions: made * made, to };
}

function dot(weights, row, input, reads, at, size) {
  let sum = 0;
  for (let j = 0; j < size; j++) sum += weights[row + j] * input[reads[at + j]];
  return sum;
}

/** What one output's slope adds to the slopes of its weights and inputs. */
function spread(slope, weights, gradient, row, input, below, reads, at, size) {
  for (let j = 0; j < size; j++) {
    const place = reads[at + j];
    gradient[row + j] += slope * input[place];
    below[place] += slope * weights[row + j];
  }
}

export class Network {
  constructor(normal) {
    this.layers = LAYERS.map((layer) => {
      const plan = places(layer);
      const weights = Float64Array.from(
        { length: layer.to * plan.size },
        () => Math.sqrt(2 / plan.size) * normal(),
      );
      const zeros = () => ({ weights: new Float64Array(weights.length), bias: new Float64Array(layer.to) });
      return {
        ...layer,
        ...plan,
        weights,
        bias: new Float64Array(layer.to),
        gradient: zeros(),
        mean: zeros(),
        square: zeros(),
      };
    });
    this.steps = 0;
  }

  /** The input and what every layer makes of it. */
  run(image) {
    const tensors = [image];
    for (const [i, { reads, size, positions, to, weights, bias }] of this.layers.entries()) {
      const input = tensors[i];
      const output = new Float64Array(to * positions);
      const linear = i === this.layers.length - 1;
      for (let p = 0; p < positions; p++)
        for (let o = 0; o < to; o++) {
          const sum = bias[o] + dot(weights, o * size, input, reads, p * size, size);
          output[o * positions + p] = linear || sum > 0 ? sum : 0;
        }
      tensors.push(output);
    }
    return tensors;
  }

  /** Adds the gradient of one sample's cross-entropy. @returns that */
  learn(image, label) {
    const tensors = this.run(image);
    const scores = tensors.at(-1);
    const most = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
    let above = scores.map((score, c) => Math.exp(score - most) / total - (c === label ? 1 : 0));
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const { reads, size, positions, to, weights, gradient } = this.layers[i];
      const input = tensors[i];
      const below = new Float64Array(input.length);
      for (let o = 0; o < to; o++)
        for (let p = 0; p < positions; p++) {
          const slope = above[o * positions + p];
          if (slope === 0) continue;
          gradient.bias[o] += slope;
          spread(slope, weights, gradient.weights, o * size, input, below, reads, p * size, size);
        }
      above = below.map((slope, j) => (input[j] > 0 ? slope : 0));
    }
    return Math.log(total) + most - scores[label];
  }

  /** One step of Adam (Kingma and Ba, arXiv:1412.6980) along the mean of the gradients that were added. */
  step(samples) {
    this.steps++;
    for (const layer of this.layers)
      for (const part of ['weights', 'bias']) {
        const [gradient, mean, square] = [layer.gradient[part], layer.mean[part], layer.square[part]];
        for (let j = 0; j < gradient.length; j++) {
          const slope = gradient[j] / samples;
          mean[j] = FIRST * mean[j] + (1 - FIRST) * slope;
          square[j] = SECOND * square[j] + (1 - SECOND) * slope * slope;
          const scale = Math.sqrt(square[j] / (1 - SECOND ** this.steps)) + 1e-8;
          layer[part][j] -= (RATE * mean[j]) / (1 - FIRST ** this.steps) / scale;
          gradient[j] = 0;
        }
      }
  }

  classOf(image) {
    const scores = this.run(image).at(-1);
    return scores.indexOf(Math.max(...scores));
  }
}
