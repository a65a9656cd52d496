/** A point of a curve to be convexified. */
interface Point {
  readonly ratio: number;
  readonly loss: number;
}

/**
 * The lower convex hull of a curve over the column reduction ratio: those of its points between which the slope only grows.
 * A point above the line between two others is never worth choosing, since a mixture of its neighbours loses less.
 *
 * @param points in any order; of several with one ratio the one with the smallest loss counts. ρ = 0 with loss 0 is added
 * when no point has it
 * @returns by ascending ratio, the first at ρ = 0
 */
export function lowerHull(points: readonly Point[]): Point[] {
  const all = points.some(({ ratio }) => ratio === 0) ? points : [{ ratio: 0, loss: 0 }, ...points];
  const hull: Point[] = [];
  for (const point of [...all].sort((a, b) => a.ratio - b.ratio || a.loss - b.loss)) {
    if (hull.at(-1)?.ratio === point.ratio) continue;
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

function slope(from: Point, to: Point): number {
  return (to.loss - from.loss) / (to.ratio - from.ratio);
}
