/** The addresses of the emulators, read from Hosting's script. */

export interface Emulator {
  host: string;
  port: number;
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|::1)$/;
const ANY = /^(0\.0\.0\.0|\[::\]|::)$/;

/** Read `var firebaseEmulators = {...};` from the script; in the cloud it is undefined, and there are no emulators. */
export function emulatorsIn(script: string): Record<string, Emulator> {
  const [, json] = /firebaseEmulators\s*=\s*(\{.*?\});\s*$/ms.exec(script) ?? [];
  return json ? (JSON.parse(json) as Record<string, Emulator>) : {};
}

/** The host of an emulator; for another machine, an emulator at 127.0.0.1 is on the host that served the page. */
export function hostOf({ host }: Emulator, page: string): string {
  const here = LOOPBACK.test(page);
  if (LOOPBACK.test(host)) return here ? host : page;
  return ANY.test(host) ? (here ? '127.0.0.1' : page) : host;
}
