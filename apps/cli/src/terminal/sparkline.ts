const BLOCKS = '▁▂▃▄▅▆▇█';

/** Shares in [0, 1] as a plot of one line; a share that is missing is a space. */
export function sparkline(shares: readonly (number | undefined)[]): string {
  return shares
    .map((share) => (share === undefined ? ' ' : BLOCKS[Math.min(7, Math.floor(8 * Math.max(0, share)))]!))
    .join('');
}
