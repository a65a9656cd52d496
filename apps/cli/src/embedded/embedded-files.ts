import { fileURLToPath } from 'node:url';

/**
 * The path of a file of the package `@spherize/alexnet-fashion`, which holds the example model and its data.
 *
 * @param file path inside the package: `data/t10k-labels-idx1-ubyte.gz`
 */
export function embeddedFile(file: string): string {
  return fileURLToPath(import.meta.resolve(`@spherize/alexnet-fashion/${file}`));
}
