import { InputError } from '../errors.js';

/** Anything that can be plugged in: a clusterer, a model format, a matrix engine. */
export interface Plugin {
  readonly name: string;
}

/** Imports a module by package name or path. The host provides it: it knows what names are relative to. */
export type ImportModule = (specifier: string) => Promise<Record<string, unknown>>;

/**
 * Finds plug-ins of one kind by built-in name, package name or path.
 *
 * A module offers its plug-in as its default export, or as a named export of the right kind. Importing a module runs its
 * code.
 */
export class Registry<T extends Plugin> {
  readonly #kind: string;
  readonly #builtIn: Map<string, T>;
  readonly #isPlugin: (value: unknown) => value is T;

  /**
   * @param kind what a plug-in is called in messages: `clusterer`
   * @param isPlugin whether an export of a module is such a plug-in
   */
  constructor(kind: string, builtIn: readonly T[], isPlugin: (value: unknown) => value is T) {
    this.#kind = kind;
    this.#builtIn = new Map(builtIn.map((plugin) => [plugin.name, plugin]));
    this.#isPlugin = isPlugin;
  }

  /** The built-in plug-ins in the order of registration. */
  get builtIn(): T[] {
    return [...this.#builtIn.values()];
  }

  /**
   * @param specifier a built-in name, a package name, or a path that starts with `.` or `/` or ends in `.js` or `.mjs`
   * @throws InputError `UNKNOWN_NAME` when nothing is found, `BAD_PLUGIN` when the module offers no such plug-in
   */
  async find(specifier: string, importModule: ImportModule): Promise<T> {
    const known = this.#builtIn.get(specifier);
    if (known) return known;
    let module: Record<string, unknown>;
    try {
      module = await importModule(specifier);
    } catch (error) {
      if (!isMissing(error, specifier)) {
        const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
        throw new InputError(
          'BAD_PLUGIN',
          `${this.#kind} '${specifier}' cannot be loaded: ${why}; mend or reinstall it`,
          {
            cause: error,
          },
        );
      }
      const names = [...this.#builtIn.keys()].join(', ');
      throw new InputError(
        'UNKNOWN_NAME',
        `unknown ${this.#kind} '${specifier}': expected one of ${names}, an installed package or a path to a module`,
        { cause: error },
      );
    }
    const found = [module.default, ...Object.values(module)].find(this.#isPlugin);
    if (found) return found;
    throw new InputError('BAD_PLUGIN', `'${specifier}' exports no ${this.#kind}: export one as its default`);
  }
}

/** Whether the module itself is what was not found, rather than something that it imports. */
function isMissing(error: unknown, specifier: string): boolean {
  const { code, message } = Object(error) as { code?: string; message?: string };
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return false;
  return (message ?? '').split(' imported from ')[0]!.includes(specifier.replace(/^(\.{0,2}\/)+/, ''));
}
