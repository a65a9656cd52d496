/** The style sheet of a report: light and dark, wide and narrow, screen and paper. */
export const STYLE: string = `
:root { color-scheme: light dark; --text: #1d1f23; --soft: #5b6068; --page: #fff; --box: #f5f6f8; --line: #d9dce1; --focus: #0b6bcb; --bar: #0f7fc4; --taken: #cfe3f3; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --soft: #a3a9b2; --page: #16181b; --box: #202327; --line: #383c42; --focus: #6cb6ff; --bar: #3d9fe0; --taken: #27435a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; color: var(--text); background: var(--page);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .25rem; }
p, figcaption, dd { color: var(--soft); margin: 0; max-width: 50rem; overflow-wrap: anywhere; }
.sentence { color: var(--text); font-size: 1.1rem; margin-bottom: .75rem; }
figure { margin: 0; }
figcaption { font-size: .9rem; margin-bottom: .75rem; }
.plot { width: 100%; overflow-x: auto; min-height: 200px; }
#legend { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .4rem; padding: .6rem 0; margin-top: 1rem;
  background: var(--page); border-bottom: 1px solid var(--line); }
#legend button { display: inline-flex; align-items: center; gap: .4rem; padding: .25rem .6rem; border: 1px solid var(--line);
  border-radius: 1rem; background: var(--box); color: var(--text); font: inherit; font-size: .85rem; cursor: pointer; }
#legend button[aria-pressed='false'] { opacity: .45; text-decoration: line-through; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.scroll { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
main > table { margin-bottom: 1rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { padding: .25rem .75rem .25rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { white-space: normal; overflow-wrap: anywhere; vertical-align: bottom; }
th:first-child, .words { white-space: normal; overflow-wrap: anywhere; text-align: left; }
.words { color: var(--soft); }
tbody th { min-width: 8rem; }
.bar { width: min(40vw, 22rem); height: .8rem; background: var(--taken); print-color-adjust: exact; }
.bar span { display: block; height: 100%; background: var(--bar); print-color-adjust: exact; }
th:first-child { text-align: left; font-weight: 500; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; font-size: .9rem; }
dt { font-weight: 600; }
dd { margin: 0; }
pre { margin: 0; padding: .6rem; background: var(--box); border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere;
  font-size: .85rem; color: var(--text); }
#vg-tooltip-element { visibility: hidden; position: fixed; z-index: 10; padding: .4rem .6rem; font-size: .8rem; pointer-events: none;
  color: var(--text); background: var(--page); border: 1px solid var(--line); border-radius: .3rem; box-shadow: 0 2px 8px #0003; }
#vg-tooltip-element.visible { visibility: visible; }
#vg-tooltip-element td { border: 0; padding: 0 .3rem; white-space: normal; text-align: left; }
#vg-tooltip-element .key { color: var(--soft); text-align: right; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } body { padding-top: 1rem; } }
@media print {
  :root { color-scheme: light; --text: #000; --soft: #444; --page: #fff; --box: #fff; --line: #bbb; --bar: #0f7fc4; --taken: #cfe3f3; }
  #legend { position: static; } .scroll, .plot { overflow: visible; } figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; } body { max-width: none; padding: 0; font-size: 11pt; } table { font-size: 8pt; }
}
`;
