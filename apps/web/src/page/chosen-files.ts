/** Files that were dropped: those in folders too. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<File[]> {
  // Now: the items are gone after the first wait.
  const entries = [...items].map((item) => item.webkitGetAsEntry());
  if (entries.every((entry) => entry === null)) return [...files];
  const found = await Promise.all(entries.map((entry) => (entry === null ? [] : filesOf(entry))));
  return found.flat();
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    // By its path, as models name the files beside them.
    return [new File([file], entry.fullPath.slice(1))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inside: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.map(filesOf))).flat();
}

/** The files of a sample model, which lie beside the page. */
export function sampleFiles(name: string): Promise<File[]> {
  const paths =
    name === 'onnx' ? ['fashion.onnx'] : ['fashion-tfjs/model.json', 'fashion-tfjs/group1-shard1of1.bin'];
  return Promise.all(
    paths.map(async (path) => {
      const answer = await fetch(new URL(`samples/${path}`, document.baseURI));
      if (!answer.ok) throw new Error(`the sample ${path} is not beside the page (${answer.status})`);
      return new File([await answer.blob()], path.slice(path.lastIndexOf('/') + 1));
    }),
  );
}
