/**
 * How files are called while they are written beside their target: `.NAME.PID-HOST-ID.spherize`. Whoever finds one knows
 * which process left it, and may remove it once that is no more.
 */

const PATTERN = /^\..+\.(\d+)-([\w-]*)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.spherize$/;

/** The process that writes a temporary file. */
export interface TemporaryFileOwner {
  readonly pid: number;
  /** The machine's name, shortened to what every file system takes. */
  readonly host: string;
}

/** @param name the target's name in its folder */
export function temporaryFileName(name: string, pid: number, host: string): string {
  return `.${name}.${pid}-${plain(host)}-${crypto.randomUUID()}.spherize`;
}

/** Who writes the file of this name, or undefined when it is no temporary file. */
export function temporaryFileOwner(name: string): TemporaryFileOwner | undefined {
  const [, pid, host] = PATTERN.exec(name) ?? [];
  return pid === undefined || host === undefined ? undefined : { pid: Number(pid), host };
}

/** Whether a temporary file's owner is on the machine of this name. */
export function isOnHost({ host }: TemporaryFileOwner, name: string): boolean {
  return host === plain(name);
}

function plain(host: string): string {
  return host.replace(/\W/g, '_').slice(0, 40);
}
