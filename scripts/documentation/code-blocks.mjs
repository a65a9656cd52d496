/** The fenced code blocks of a Markdown document. */

/**
 * @typedef {object} CodeBlock
 * @property {string} language what follows the fence: `ts`, `sh`, `json`, …
 * @property {string} code
 * @property {number} line of the fence, from 1
 * @property {string | undefined} name of the file that the block shows: its first line is `// NAME` or `# NAME`
 * @property {string | undefined} exemption why tests do not run it: `<!-- not run: REASON -->` on the line before
 */

/** @param {string} markdown @returns {CodeBlock[]} */
export function codeBlocks(markdown) {
  const lines = markdown.split('\n');
  const blocks = [];
  for (let i = 0; i < lines.length; i++) {
    const [, fence, language] = /^(```+)(\S*)/.exec(lines[i]) ?? [];
    if (fence === undefined) continue;
    const end = lines.indexOf(fence, i + 1);
    if (end < 0) throw new Error(`line ${i + 1}: the code block never ends`);
    const [, exemption] =
      /^<!-- not run: (.+) -->$/.exec(lines.slice(0, i).findLast((line) => line.trim() !== '') ?? '') ?? [];
    const code = lines.slice(i + 1, end).join('\n');
    const [, name] = /^(?:\/\/|#) ([\w./-]+\.(?:[mc]?[jt]s|json|py))(?=$|[\s:])/.exec(code) ?? [];
    blocks.push({ language, code, line: i + 1, name, exemption });
    i = end;
  }
  return blocks;
}
