import { expect, test } from 'vitest';
import { accuracyDrop, accuracyDropBound } from '../../src/evaluation/index.js';
import { Random } from '../../src/index.js';

test('by hand', () => {
  const hits = { samples: 998, lost: 29, gained: 19 };
  expect(accuracyDrop(hits)).toBeCloseTo(10 / 998, 12);
  // (29 − 19)/1000 = 0.01, variance ((50/1000) − 0.01²)/1000
  expect(accuracyDropBound(hits, 0)).toBeCloseTo(0.01, 12);
  expect(accuracyDropBound(hits, 2)).toBeCloseTo(0.01 + 2 * Math.sqrt(0.0499 / 1000), 12);
});

test('samples on which both agree only narrow it', () => {
  const bound = (samples: number) => accuracyDropBound({ samples, lost: 5, gained: 5 }, 1.645);
  expect(bound(1000)).toBeLessThan(bound(500));
  expect(accuracyDropBound({ samples: 500, lost: 25, gained: 25 }, 1.645)).toBeGreaterThan(bound(500));
  expect(accuracyDropBound({ samples: 500, lost: 0, gained: 0 }, 1.645)).toBeGreaterThan(0);
});

test('the true drop lies above it in about one case of twenty', () => {
  const random = new Random(1);
  const [lose, gain] = [0.03, 0.02];
  let missed = 0;
  const trials = 2000;
  for (let trial = 0; trial < trials; trial++) {
    let lost = 0;
    let gained = 0;
    for (let i = 0; i < 500; i++) {
      const u = random.uniform();
      if (u < lose) lost++;
      else if (u < lose + gain) gained++;
    }
    if (accuracyDropBound({ samples: 500, lost, gained }, 1.645) < lose - gain) missed++;
  }
  // 5 % ± four standard deviations of 2,000 trials, and the discreteness of the counts.
  expect(missed / trials).toBeGreaterThan(0.025);
  expect(missed / trials).toBeLessThan(0.07);
});
