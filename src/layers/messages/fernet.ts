import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { UndecodableMessageError } from "../../errors/mod.ts";
import type { Cipher } from "./codec.ts";

/** The first byte of every token. */
const VERSION = 0x80;

/** The lengths of a token's parts, in bytes: version and time, initialization vector, signature. */
const HEAD = 9;
const VECTOR = 16;
const SIGNATURE = 32;

/** How much older than `expiry` an accepted token may be, in seconds. */
const EXPIRY_TOLERANCE = 10;

/** How far in the future the time of an accepted token may be, in seconds: clocks differ. */
const CLOCK_SKEW = 60;

const CLOCKS = " by the clock of this machine; synchronize the clocks";

interface Key {
  readonly signing: Buffer;
  readonly encryption: Buffer;
}

/**
 * Returns a cipher that is compatible with channels_redis: it creates Fernet tokens, whose key is the
 * SHA-256 hash of a password. The container is implemented here, on top of `node:crypto`.
 *
 * @param passwords The first password encrypts; all of them decrypt.
 * @param expiry How long a message may wait, in milliseconds. Older tokens are rejected.
 * @throws {TypeError} If a password is not a string, or is empty.
 */
export function fernetCipher(passwords: readonly string[], expiry: number): Cipher {
  if (
    !Array.isArray(passwords) ||
    passwords.some((password) => typeof password !== "string" || password === "")
  ) {
    throw new TypeError("symmetricEncryptionKeys must be an array of non-empty strings");
  }
  const keys = passwords.map(keyOf);
  const lifetime = expiry / 1000 + EXPIRY_TOLERANCE;
  return {
    encrypt: (bytes) => seal(bytes, keys[0]!),
    decrypt: (bytes) => open(bytes, keys, lifetime),
  };
}

function keyOf(password: string): Key {
  const hash = createHash("sha256").update(password).digest();
  return { signing: hash.subarray(0, 16), encryption: hash.subarray(16) };
}

function seal(bytes: Uint8Array, { signing, encryption }: Key): Uint8Array {
  const head = Buffer.alloc(HEAD);
  head[0] = VERSION;
  head.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1);
  const vector = randomBytes(VECTOR);
  const cipher = createCipheriv("aes-128-cbc", encryption, vector);
  const signed = Buffer.concat([head, vector, cipher.update(bytes), cipher.final()]);
  const token = Buffer.concat([signed, sign(signed, signing)]);
  return Buffer.from(padded(token.toString("base64url")));
}

function open(bytes: Uint8Array, keys: readonly Key[], lifetime: number): Uint8Array {
  const token = Buffer.from(Buffer.from(bytes).toString("latin1"), "base64url");
  const isWhole = token.length >= HEAD + VECTOR + 16 + SIGNATURE && token[0] === VERSION;
  if (!isWhole) reject("it is not encrypted");
  const signed = token.subarray(0, -SIGNATURE);
  const signature = token.subarray(-SIGNATURE);
  const key = keys.find(({ signing }) => timingSafeEqual(sign(signed, signing), signature));
  if (!key) reject("it was encrypted with another key, or modified in transit");
  checkAge(Number(signed.readBigUInt64BE(1)), lifetime);
  return decipher(signed, key.encryption);
}

function checkAge(createdAt: number, lifetime: number): void {
  const age = Math.floor(Date.now() / 1000) - createdAt;
  if (age > lifetime) reject(`it was encrypted ${age} s ago, more than ${lifetime} s${CLOCKS}`);
  if (age < -CLOCK_SKEW) reject(`it was encrypted ${-age} s in the future${CLOCKS}`);
}

function decipher(signed: Buffer, key: Buffer): Uint8Array {
  try {
    const decipher = createDecipheriv("aes-128-cbc", key, signed.subarray(HEAD, HEAD + VECTOR));
    const text = signed.subarray(HEAD + VECTOR);
    const bytes = Buffer.concat([decipher.update(text), decipher.final()]);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch {
    reject("its signature is valid, but its content cannot be decrypted");
  }
}

function sign(bytes: Buffer, key: Buffer): Buffer {
  return createHmac("sha256", key).update(bytes).digest();
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

function reject(reason: string): never {
  throw new UndecodableMessageError({ reason });
}
