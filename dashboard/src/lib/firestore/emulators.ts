/** The emulators: their addresses, read from Hosting's script, and the end of the channels to Firestore's. */

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

/** Twice the messages that a page sends on one channel, and as many as a beacon holds. */
const MOST_MESSAGES = 1500;

/**
 * The request that ends a channel to the Firestore emulator, made from the one that ought to; undefined for any other.
 *
 * The emulator answers that one and goes on to listen for the channel, for as long as it runs. What it hears waits in its memory: some MB
 * a minute for each page that was left. So all that the channel listens to is removed from it, by number: 2, 4, 6 and so on. Messages are
 * numbered too, and one that came before is passed over, so the last ones remove what was added first.
 */
export function endOfChannel(request: string): { url: string; body: string } | undefined {
  const url = new URL(request);
  if (!url.pathname.endsWith('/Listen/channel') || url.searchParams.get('TYPE') !== 'terminate') return undefined;
  url.searchParams.delete('TYPE');
  const messages = Array.from({ length: MOST_MESSAGES }, (_, n) => `req${n}___data__={"removeTarget":${2 * (MOST_MESSAGES - n)}}`);
  return { url: url.href, body: [`count=${MOST_MESSAGES}`, 'ofs=0', ...messages].join('&') };
}

/** Send that instead of each such request, which Firestore's library sends as a beacon when a page is left. */
export function endChannels(): void {
  const send = navigator.sendBeacon.bind(navigator);
  navigator.sendBeacon = (url, data) => {
    const end = endOfChannel(String(url));
    return end === undefined ? send(url, data) : send(end.url, end.body);
  };
}
