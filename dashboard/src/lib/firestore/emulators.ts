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

/** More messages than a page sends on one channel. */
const MOST_MESSAGES = 1000;

/**
 * The request that makes the Firestore emulator end a channel, made from the one that ought to; undefined for any other.
 *
 * The emulator answers that request and goes on to listen for the channel, for as long as it runs. What it hears waits in its memory:
 * some MB a minute for each page that was left. An unreadable message does end the channel. Messages are numbered from 0, and one that
 * came before is passed over, so the first of these that is new ends it.
 */
export function endOfChannel(request: string): { url: string; body: string } | undefined {
  const url = new URL(request);
  if (!url.pathname.endsWith('/Listen/channel') || url.searchParams.get('TYPE') !== 'terminate') return undefined;
  url.searchParams.delete('TYPE');
  const messages = Array.from({ length: MOST_MESSAGES }, (_, n) => `req${n}___data__={}`);
  return { url: url.href, body: [`count=${MOST_MESSAGES}`, 'ofs=0', ...messages].join('&') };
}

/** Send that before each such request, which Firestore's library sends as a beacon when a page is left. */
export function endChannels(): void {
  const send = navigator.sendBeacon.bind(navigator);
  navigator.sendBeacon = (url, data) => {
    const end = endOfChannel(String(url));
    if (end !== undefined) send(end.url, end.body);
    return send(url, data);
  };
}
