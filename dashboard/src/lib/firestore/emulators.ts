/** Where the emulators are, as Hosting's script says. */

export interface Emulator {
  host: string;
  port: number;
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|::1)$/;
const ANY = /^(0\.0\.0\.0|\[::\]|::)$/;

/** Read `var firebaseEmulators = {...};` out of the script; in the cloud it is undefined, and there are none. */
export function emulatorsIn(script: string): Record<string, Emulator> {
  const found = /firebaseEmulators\s*=\s*(\{.*?\});\s*$/ms.exec(script);
  return found?.[1] ? (JSON.parse(found[1]) as Record<string, Emulator>) : {};
}

/** The host to reach an emulator at: those that call themselves 127.0.0.1 are, for another machine, where the page came from. */
export function hostOf({ host }: Emulator, page: string): string {
  const here = LOOPBACK.test(page);
  if (LOOPBACK.test(host)) return here ? host : page;
  return ANY.test(host) ? (here ? '127.0.0.1' : page) : host;
}
