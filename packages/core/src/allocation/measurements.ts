/** Keeps what is measured by a key, so that nothing is measured twice. A host may keep it longer than a call. */
export interface Measurements {
  has(key: string): boolean;
  /** What is known by this key, or what `measure` finds, which is then kept. Values are plain data, as JSON has them. */
  measured<T>(key: string, measure: () => Promise<T>): Promise<T>;
}

/** Measurements in memory. */
export function memoryMeasurements(): Measurements {
  const known = new Map<string, unknown>();
  return {
    has: (key) => known.has(key),
    async measured<T>(key: string, measure: () => Promise<T>): Promise<T> {
      if (known.has(key)) return known.get(key) as T;
      const value = await measure();
      known.set(key, value);
      return value;
    },
  };
}
