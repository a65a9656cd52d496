/** What every model format needs of files, in Node. */
export { availableMemory, requireMemory } from './available-memory.js';
export { type ContainedFile, type ContainedFileOptions, containedFile } from './contained-file.js';
export { derivedName } from './derived-name.js';
export {
  type FilePart,
  type NewFile,
  partsOf,
  type ReplaceOptions,
  replaceFile,
  replaceFiles,
  requireReplaceable,
} from './replace-files.js';
export { removeAbandoned, temporaryPath } from './temporary-files.js';
export { temporaryFolder } from './temporary-folder.js';
export { decodeText } from './text.js';
