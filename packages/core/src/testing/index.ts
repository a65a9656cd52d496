/**
 * Contract suites for plug-ins. They know no test runner: every check is a name and a function that rejects when the
 * contract is broken.
 */
export { clustererContract } from './clusterer-contract.js';
export type { ContractCheck } from './contract-check.js';
export { matrixEngineContract } from './matrix-engine-contract.js';
export { type ModelFormatSample, modelFormatContract } from './model-format-contract.js';
