import type { Model } from '../src/index.js';

/** The same model, of which no part can be run alone: layers that make a width stay as they are, and only those that read it are refitted. */
export function readersAlone(model: Model): Model {
  return new Proxy(model, {
    get(target, key) {
      if (key === 'features') return { ...target.features!, resumes: false };
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
