/** The page: hands files to the worker, shows what it did, and offers the smaller model for download. */
const element = (id) => document.getElementById(id);
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  element('layers').hidden = true;
  element('download').hidden = true;
  element('status').textContent = 'Compressing …';
  worker.postMessage({ files: [...element('files').files], ratio: Number(element('ratio').value) });
});

// A model by its address: ?model=/models/model.json&ratio=0.7
const query = new URLSearchParams(location.search);
if (query.has('model')) {
  element('status').textContent = 'Compressing …';
  const url = new URL(query.get('model'), location.href).href;
  worker.postMessage({ url, ratio: Number(query.get('ratio') ?? 0.5) });
}

worker.addEventListener('error', ({ message }) => {
  element('status').textContent = message ?? 'The worker does not start.';
});

worker.addEventListener('message', ({ data }) => {
  if (data.error !== undefined) {
    element('status').textContent = data.error;
    return;
  }
  const { layers, backend, runs, files } = data;
  showLayers(layers);
  // For whoever wants the numbers.
  document.body.dataset.runs = JSON.stringify(runs);
  element('download').onclick = () => files.forEach(download);
  element('download').hidden = false;
  const [before, after] = [runs.before.milliseconds, runs.after.milliseconds].map((time) => time.toFixed(1));
  element('status').textContent = `Done on ${backend}: ${before} ms before, ${after} ms after.`;
});

function showLayers(layers) {
  const rows = [['layer', 'columns', 'clusters', 'scales'], ...layers];
  element('layers').replaceChildren(
    ...rows.map((cells, i) => {
      const row = document.createElement('tr');
      row.append(
        ...cells.map((text) => {
          const cell = document.createElement(i === 0 ? 'th' : 'td');
          cell.textContent = text;
          return cell;
        }),
      );
      return row;
    }),
  );
  element('layers').hidden = false;
}

function download({ name, pieces }) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(pieces));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
