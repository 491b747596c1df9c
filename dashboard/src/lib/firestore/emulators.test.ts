import { expect, test } from 'vitest';
import { emulatorsIn, endOfChannel, hostOf } from './emulators';

const script = (emulators: string) => `if (typeof firebase === 'undefined') throw new Error('...');
var firebaseConfig = {
  "projectId": "demo-tachograph"
};
if (firebaseConfig) {
  firebase.initializeApp(firebaseConfig);

  var firebaseEmulators = ${emulators};
  if (firebaseEmulators) {
    Object.keys(firebaseEmulators).forEach(function (key) {
    });
  }
}`;

test('emulators are read out of the script that Hosting serves', () => {
  const emulators = {
    auth: { host: '127.0.0.1', port: 9099, hostAndPort: '127.0.0.1:9099' },
    firestore: { host: '127.0.0.1', port: 8080, hostAndPort: '127.0.0.1:8080' },
  };
  expect(emulatorsIn(script(JSON.stringify(emulators, null, 2)))).toEqual(emulators);
  expect(emulatorsIn(script(JSON.stringify(emulators)))).toEqual(emulators);
});

test('in the cloud there are none', () => {
  expect(emulatorsIn(script('undefined'))).toEqual({});
  expect(emulatorsIn(script('{}'))).toEqual({});
  expect(emulatorsIn('')).toEqual({});
});

test.each([
  ['127.0.0.1', 'localhost', '127.0.0.1'],
  ['127.0.0.1', '192.168.1.7', '192.168.1.7'],
  ['0.0.0.0', 'localhost', '127.0.0.1'],
  ['0.0.0.0', 'box.local', 'box.local'],
  ['emulators.internal', 'localhost', 'emulators.internal'],
])('an emulator at %s is reached from a page at %s by %s', (host, page, reached) => {
  expect(hostOf({ host, port: 1 }, page)).toBe(reached);
});

const CHANNEL = 'http://127.0.0.1:8080/google.firestore.v1.Firestore/Listen/channel?VER=8&SID=abc%3D&RID=7';

test('the end of a channel removes all that it listens to, the oldest last', () => {
  const end = endOfChannel(`${CHANNEL}&TYPE=terminate&zx=1`);
  expect(end?.url).toBe(`${CHANNEL}&zx=1`);
  expect(end?.body.length).toBeLessThan(64 * 1024);
  expect(end?.body).toMatch(/^count=1500&ofs=0&req0___data__=\{"removeTarget":3000\}&req1.*&req1499___data__=\{"removeTarget":2\}$/);
});

test.each([CHANNEL, `${CHANNEL}&TYPE=xmlhttp`, 'http://127.0.0.1:8080/v1/Write/channel?TYPE=terminate'])('nothing goes with %s', (url) => {
  expect(endOfChannel(url)).toBeUndefined();
});
