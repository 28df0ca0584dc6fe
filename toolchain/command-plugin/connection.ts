import ssh2, { type ParsedKey } from "ssh2";
import { kind, map, number, optional, type Shape, string } from "./shape.ts";
import { beneathSecret, isMap, mapValues, type PropertyMap, secret, type Value } from "./values.ts";

/** How to reach a host over SSH, as the program gives it, with the defaults of `completed`. */
export type Connection = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  /** Content of a private key file in OpenSSH or PEM format. */
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  /** Unset: SSH_AUTH_SOCK. */
  readonly agentSocketPath?: string;
  /** Failed attempts that are followed by another one; -1 for no limit. */
  readonly dialErrorLimit: number;
  /** Seconds; 0 for no limit. */
  readonly perDialTimeout: number;
  /** Public key that the host must show, `ssh-ed25519 AAAA…`. Unset: any is taken. */
  readonly hostKey?: string;
  /** Bastion to go through; has no proxy of its own. */
  readonly proxy?: Connection;
};

const publicKey = kind(
  "a public key in OpenSSH format, e.g. ssh-ed25519 AAAA…",
  (value) => typeof value === "string" && parsedHostKey(value) !== undefined,
);

/** Undefined when the text is not a public key. */
export function parsedHostKey(text: string | Buffer): ParsedKey | undefined {
  const parsed = ssh2.utils.parseKey(text);
  return parsed instanceof Error || Array.isArray(parsed) || parsed.isPrivateKey() ? undefined : parsed;
}

const endpoint = {
  host: string,
  port: optional(number),
  user: optional(string),
  password: optional(string),
  privateKey: optional(string),
  privateKeyPassword: optional(string),
  agentSocketPath: optional(string),
  dialErrorLimit: optional(number),
  perDialTimeout: optional(number),
  hostKey: optional(publicKey),
};

export const connectionShape: Shape = map({ ...endpoint, proxy: optional(map(endpoint)) });

const defaults = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
const credentials = new Set(["password", "privateKey", "privateKeyPassword"]);

/** Inputs whose connection has its defaults, and is a secret as a whole. */
export function completed(inputs: PropertyMap): PropertyMap {
  const { connection } = inputs;
  if (connection === undefined) return inputs;
  return { ...inputs, connection: secret(beneathSecret(connection, withDefaults)) };
}

function withDefaults(value: Value): Value {
  if (!isMap(value)) return value;
  return mapValues({ ...defaults, ...value }, (field, name) => {
    if (name === "proxy") return beneathSecret(field, withDefaults);
    return credentials.has(name) ? secret(field) : field;
  });
}
