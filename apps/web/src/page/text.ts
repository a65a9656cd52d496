/** Figures as people read them. */
const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const UNITS = ['bytes', 'kB', 'MB', 'GB'];

export function count(value: number): string {
  return COUNT.format(value);
}

/** Three digits: `26.4 kB`. */
export function bytes(value: number): string {
  let [amount, unit] = [value, 0];
  while (amount >= 999.5 && unit < UNITS.length - 1) [amount, unit] = [amount / 1000, unit + 1];
  return `${unit === 0 ? count(amount) : Number(amount.toPrecision(3))} ${UNITS[unit]}`;
}

export function percent(share: number): string {
  const value = 100 * share;
  if (value !== 0 && Math.abs(value) < 0.01) return '< 0.01 %';
  return `${Number(value.toFixed(value < 10 ? 2 : 1))} %`;
}

export function milliseconds(value: number): string {
  return `${Number(value.toPrecision(3))} ms`;
}

/** How many times less: `3.2 ×`. */
export function times(before: number, after: number): string {
  return after > 0 ? `${(before / after).toFixed(2)} ×` : '–';
}
