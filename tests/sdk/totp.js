import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const STEP = 30_000;
// What a test of several codes may take at most.
const ROOM = 10_000;

/** The step of 30 seconds that it is now, and stays for a while: near its end, the next one. */
export async function step() {
  const left = STEP - (Date.now() % STEP);
  if (left < ROOM) await pause(left + 50);
  return Math.floor(Date.now() / STEP);
}

/** The code of a step (RFC 6238, SHA-1, six digits), from a secret in base32. */
export function code(secret, ofStep) {
  const bits = [...secret.replace(/=+$/, '')].map((c) => ALPHABET.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(ofStep));
  const hash = createHmac('sha1', key).update(counter).digest();
  const number = hash.readUInt32BE(hash[19] & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}
