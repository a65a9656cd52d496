import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layerOverPatches, overPatches, patchesOf } from '../../src/calibration/patches.js';
import { reconstruct } from '../../src/compression/compressed-layer.js';
import type { FilterWindow } from '../../src/format/filter-window.js';
import { denseMatrix } from '../../src/matrix/dense-matrix.js';

const layer = (inputs: number, window: FilterWindow) => ({
  name: 'conv',
  aliases: [],
  outputs: 2,
  inputs,
  input: 'x',
  shared: false,
  window,
});

/** The patches of a 1 × channels × height × width image, place by place. */
function naivePatches(
  data: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  { kernel, strides, dilations, pads }: FilterWindow,
): number[][] {
  const [kh, kw] = kernel as [number, number];
  const [[top, bottom], [left, right]] = pads as [[number, number], [number, number]];
  const rows: number[][] = [];
  for (let y = -top; y + (kh - 1) * dilations[0]! < height + bottom; y += strides[0]!) {
    for (let x = -left; x + (kw - 1) * dilations[1]! < width + right; x += strides[1]!) {
      const row: number[] = [];
      for (let i = 0; i < kh; i++) {
        for (let j = 0; j < kw; j++) {
          const [h, w] = [y + i * dilations[0]!, x + j * dilations[1]!];
          const inside = h >= 0 && h < height && w >= 0 && w < width;
          for (let c = 0; c < channels; c++) row.push(inside ? data[(c * height + h) * width + w]! : 0);
        }
      }
      rows.push(row);
    }
  }
  return rows;
}

const small = fc.integer({ min: 1, max: 3 });
const pad = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }));

test('all patches of an image, whatever the window, with channels first or last', () => {
  fc.assert(
    fc.property(
      fc.record({
        kernel: fc.tuple(small, small),
        strides: fc.tuple(small, small),
        dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
        pads: fc.tuple(pad, pad),
        sizes: fc.tuple(small, fc.integer({ min: 5, max: 7 }), fc.integer({ min: 5, max: 7 })),
      }),
      ({ sizes, ...own }) => {
        const [channels, height, width] = sizes;
        const data = Float32Array.from({ length: channels * height * width }, (_, i) => i + 1);
        const window = { ...own, channels: 'first' } as const;
        const wanted = naivePatches(data, sizes, window);
        const first = patchesOf({ shape: [1, ...sizes], data }, layer(channels, window), 1000, 0);
        expect([first.rows, first.cols]).toEqual([wanted.length, wanted[0]!.length]);
        expect([...first.data]).toEqual(wanted.flat());
        const lying = Float32Array.from(data, (_, i) => {
          const [place, channel] = [Math.floor(i / channels), i % channels];
          return data[channel * height * width + place]!;
        });
        const last = patchesOf(
          { shape: [1, height, width, channels], data: lying },
          layer(channels, { ...window, channels: 'last' }),
          1000,
          0,
        );
        expect(last).toEqual(first);
      },
    ),
  );
});

test('all patches of a transposed convolution are what it brings to each place', () => {
  fc.assert(
    fc.property(
      fc.record({
        size: fc.integer({ min: 1, max: 5 }),
        kernel: fc.integer({ min: 1, max: 4 }),
        stride: small,
        dilation: fc.integer({ min: 1, max: 2 }),
        pads: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: -2, max: 2 })),
      }),
      ({ size, kernel, stride, dilation, pads }) => {
        const data = Float32Array.from({ length: size }, (_, i) => i + 1);
        const reach = (kernel - 1) * dilation + 1;
        const places = Math.max(0, (size - 1) * stride + reach - pads[0] - pads[1]);
        const wanted = new Float32Array(places * kernel);
        for (let i = 0; i < size; i++) {
          for (let s = 0; s < kernel; s++) {
            const place = i * stride + s * dilation - pads[0];
            if (place >= 0 && place < places) wanted[place * kernel + s] = data[i]!;
          }
        }
        const own = { kernel: [kernel], strides: [stride], dilations: [dilation], pads: [pads] };
        const window = { ...own, channels: 'last', back: true } as const;
        expect(patchesOf({ shape: [1, size, 1], data }, layer(1, window), 99, 0).data).toEqual(wanted);
      },
    ),
  );
});

describe('padding that keeps the size', () => {
  const data = Float32Array.of(1, 2, 3, 4, 5);
  const window = { kernel: [2], strides: [1], dilations: [1], channels: 'last' } as const;
  test.each([
    ['same-upper', 1, [1, 2, 2, 3, 3, 4, 4, 5, 5, 0]],
    ['same-lower', 1, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]],
    ['same-upper', 2, [1, 2, 3, 4, 5, 0]],
  ] as const)('%s, stride %i', (pads, stride, wanted) => {
    const own = { ...window, pads, strides: [stride] };
    expect([...patchesOf({ shape: [1, 5, 1], data }, layer(1, own), 99, 0).data]).toEqual(wanted);
  });

  test.each([
    ['same-upper', [1, 0, 0, 0, 1, 0, 2, 0, 1, 0, 2, 0]],
    ['same-lower', [0, 1, 0, 2, 0, 1, 0, 2, 0, 0, 0, 2]],
  ] as const)('%s of a transposed convolution', (pads, wanted) => {
    // Position 1 goes to places 0 to 2, or −1 to 1, position 2 to the two behind.
    const own = { ...window, kernel: [3], pads, strides: [2], back: true } as const;
    const two = { shape: [1, 2, 1], data: Float32Array.of(1, 2) };
    expect([...patchesOf(two, layer(1, own), 99, 0).data]).toEqual(wanted);
  });
});

test('fewer patches are the same ones for any channels, spread over samples and places', () => {
  const window: FilterWindow = {
    kernel: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [
      [0, 0],
      [0, 0],
    ],
    channels: 'last',
  };
  const image = (channels: number) =>
    Float32Array.from({ length: 3 * 64 * channels }, (_, i) => Math.floor(i / channels));
  const of = (channels: number, batch: number) =>
    patchesOf({ shape: [3, 8, 8, channels], data: image(channels) }, layer(channels, window), 24, batch);
  const places = [...of(1, 0).data];
  expect(places.map((place) => Math.floor(place / 64))).toEqual(
    [0, 1, 2].flatMap((sample) => Array(8).fill(sample)),
  );
  expect(new Set(places).size).toBe(24);
  expect([...of(2, 0).data].filter((_, i) => i % 2 === 0)).toEqual(places);
  expect([...of(1, 1).data]).not.toEqual(places);
});

test('a compressed convolution over patches stands for the same filters', () => {
  const compressed = {
    assignment: Int32Array.of(0, -1, 1, 0),
    scales: Float32Array.of(2, 1, 3, 0.5),
    centroids: denseMatrix(
      6,
      2,
      Float32Array.from({ length: 12 }, (_, i) => i + 1),
    ),
  };
  expect(reconstruct(layerOverPatches(compressed, 3))).toEqual(overPatches(reconstruct(compressed), 3));
});
