/**
 * Why the factors and the order of a layer fold or not, and why weights are not offered: tables of every operator and every reason.
 * A table changes with the words of a reason: read what changed before it is written anew with `-u`.
 */
import { readFile } from 'node:fs/promises';
import { planFold } from '@spherize/core';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { onnxModel } from '../../src/node.js';
import type { ModelBuilder } from '../build-model.js';
import { FOLD_CASES, foldModel } from './fold-cases.js';
import { foldRow } from './fold-row.js';
import { started, UNFIT, UNOFFERED } from './unoffered-cases.js';

test('where factors and order go, for graphs of several operators', async () => {
  const rows = Object.entries(FOLD_CASES).map(([what, own]) => {
    const { graph, layers } = onnxModel(foldModel(own).build());
    const { input, inputs } = layers.find(({ name }) => name === 'target')!;
    return foldRow(what, planFold(graph, input, inputs));
  });
  await expect(rows.join('')).toMatchFileSnapshot('folds.txt');
});

test('what holds weights and is not offered', async () => {
  const rows: string[] = [];
  const row = (what: string, b: ModelBuilder) => {
    b.node('Relu', ['x']);
    const { layers, skipped } = onnxModel(b.build());
    expect(layers).toEqual([]);
    const entries = skipped.map((own) => `  ${own.name} (${own.parameters} parameters): ${own.reason}\n`);
    rows.push(`${what}\n${entries.join('')}`);
    return skipped;
  };
  for (const [what, [add, parameters]] of Object.entries(UNOFFERED)) {
    const b = started();
    add(b, 'part');
    expect(row(what, b)).toMatchObject([{ name: 'part', parameters }]);
  }
  for (const [what, { opset, add }] of Object.entries(UNFIT)) {
    const b = started(opset);
    add(b);
    row(what, b);
  }
  await expect(rows.join('')).toMatchFileSnapshot('unoffered.txt');
});

const ONNX = new URL('../../src/graph/', import.meta.url);
const CORE = new URL('../../../core/src/folding/', import.meta.url);
/** Where reasons are written. */
const SOURCES: readonly URL[] = [
  ...['contributed', 'effect-rules', 'elementwise', 'layouts', 'normalisations', 'products'].map(
    (name) => new URL(`operators/${name}.ts`, ONNX),
  ),
  ...['operation-effects', 'fc-layers', 'convolution-layers', 'unoffered-reasons', 'unoffered-weights'].map(
    (name) => new URL(`${name}.ts`, ONNX),
  ),
  new URL('norm-folding.ts', CORE),
  new URL('upstream.ts', CORE),
];
const TABLES: readonly URL[] = ['folds.txt', 'unoffered.txt', '../operators/folds.txt'].map(
  (name) => new URL(name, import.meta.url),
);

/** Every text of several words in a source, as a pattern: anything may stand for what is put in. */
function reasonsIn(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isNoReason(node)) return;
    if (ts.isCallExpression(node) && node.expression.getText(file) === 'operators') {
      // Behind the list of names.
      node.arguments.slice(1).forEach(visit);
      return;
    }
    if (ts.isTemplateExpression(node)) {
      const parts = [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)];
      if (parts.some((part) => /\w \w/.test(part))) found.push(parts.map(escaped).join('.+'));
    } else if (ts.isStringLiteralLike(node) && /\w \w/.test(node.text)) {
      found.push(escaped(node.text));
    }
    ts.forEachChild(node, visit);
  };
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true);
  visit(file);
  return found;
}
/** What no model has between two layers, how features of widths flow, and names of kinds. */
function isNoReason(node: ts.Node): boolean {
  if (ts.isCallExpression(node)) return /^(?:standingApart|flow\.\w+)$/.test(node.expression.getText());
  if (ts.isPropertyAssignment(node)) return node.name.getText() === 'weights';
  return ts.isLiteralTypeNode(node) || (ts.isStringLiteral(node) && ts.isCaseClause(node.parent));
}
function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Texts that are no reasons, and reasons that no ONNX model has. */
const NOT_REACHED: Readonly<Record<string, string>> = {
  '.+ fixes the number of features':
    'a Reshape to another number of features ends the walk: only GraphModels have layouts that say one beside',
  'tells the shape of a tensor, not its values': 'what a Shape makes are whole numbers, which no layer reads',
  '.+ merges outputs of .+': 'ONNX tells what is pooled by the axis: only TensorFlow.js folds `pooling`',
};

test('every reason in the sources is reached', async () => {
  const tables = (await Promise.all(TABLES.map((table) => readFile(table, 'utf8')))).join('');
  const missing: string[] = [];
  for (const source of SOURCES) {
    for (const reason of reasonsIn(await readFile(source, 'utf8'))) {
      if (!(reason in NOT_REACHED) && !new RegExp(reason).test(tables)) missing.push(reason);
    }
  }
  expect(missing).toEqual([]);
});
