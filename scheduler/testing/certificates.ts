import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/*
 * Certificates for tests, written by hand: ones that no tool would make are needed too, and no tool may be there.
 */

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

interface Authority extends Certificate {
  readonly name: string;
  readonly signer: KeyObject;
}

export interface Wanted {
  /** Addresses and names of whom it is for. */
  readonly names?: readonly string[];
  /** From now on, in hours; below 0 it is over. */
  readonly hours?: number;
}

const HOUR_MS = 3_600_000;
const [COMMON_NAME, ECDSA_SHA256, BASIC_CONSTRAINTS, ALT_NAMES] = [
  "0603550403",
  "06082a8648ce3d040302",
  "0603551d13",
  "0603551d11",
].map((hex) => Buffer.from(hex, "hex")) as [Buffer, Buffer, Buffer, Buffer];

/** Signs itself, and others by `issue`. */
export function authority(name: string): Authority {
  const { publicKey, privateKey } = keyPair();
  const isAuthority = extension(BASIC_CONSTRAINTS, sequence(Buffer.from("0101ff", "hex")));
  const cert = signed({
    issuer: name,
    subject: name,
    publicKey,
    hours: 24,
    extensions: [isAuthority],
    signer: privateKey,
  });
  return { name, cert, key: pemOf(privateKey), signer: privateKey };
}

export function issue(by: Authority, { names = ["127.0.0.1"], hours = 24 }: Wanted = {}): Certificate {
  const { publicKey, privateKey } = keyPair();
  const alternatives = names.map((name) =>
    isIP(name) ? tlv(0x87, Buffer.from(name.split(".").map(Number))) : tlv(0x82, Buffer.from(name)),
  );
  const extensions = [extension(ALT_NAMES, sequence(...alternatives))];
  const cert = signed({
    issuer: by.name,
    subject: names[0] ?? "",
    publicKey,
    hours,
    extensions,
    signer: by.signer,
  });
  return { cert, key: pemOf(privateKey) };
}

const keyPair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const pemOf = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();

interface Content {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly hours: number;
  readonly extensions: readonly Buffer[];
  readonly signer: KeyObject;
}

/** RFC 5280 §4.1. */
function signed({ issuer, subject, publicKey, hours, extensions, signer }: Content): string {
  const now = Date.now();
  const content = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    sequence(ECDSA_SHA256),
    nameOf(issuer),
    sequence(time(now - 48 * HOUR_MS), time(now + hours * HOUR_MS)),
    nameOf(subject),
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = tlv(0x03, Buffer.from([0]), sign("sha256", content, signer));
  const der = sequence(content, sequence(ECDSA_SHA256), signature);
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const sequence = (...parts: readonly Buffer[]) => tlv(0x30, ...parts);
const nameOf = (name: string) => sequence(tlv(0x31, sequence(COMMON_NAME, tlv(0x0c, Buffer.from(name)))));
const extension = (id: Buffer, value: Buffer) => sequence(id, tlv(0x04, value));

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, "").slice(2, 14);
  return tlv(0x17, Buffer.from(`${digits}Z`));
}
