import { isDeepStrictEqual } from "node:util";

/**
 * Property values as the engine sends them: JSON, with a few special objects told by a signature. The constants
 * are Pulumi's wire format.
 */
export type Value = null | boolean | number | string | readonly Value[] | PropertyMap;
export type PropertyMap = { readonly [key: string]: Value };

const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Stands for a value that is only known after the deployment. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type Asset = {
  readonly path?: string;
  readonly text?: string;
  readonly uri?: string;
  readonly hash?: string;
};

export function assetKind(value: Value | undefined): "asset" | "archive" | undefined {
  if (!isMap(value)) return undefined;
  if (value[signature] === "c44067f5952c0a294b673a41bacd8c17") return "asset";
  if (value[signature] === "0def7320c3a5731c473e5ecbe6d01bc7") return "archive";
  return undefined;
}

export function isMap(value: Value | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is a map of ordinary properties: not a secret, an asset or a resource. */
export function isPlainMap(value: Value): value is PropertyMap {
  return isMap(value) && !(signature in value);
}

export function secret(value: Value): Value {
  return isMap(value) && isSecret(value) ? value : { [signature]: secretSignature, value };
}

/** Changes a value and leaves it a secret if it was one. */
export function beneathSecret(value: Value, change: (value: Value) => Value): Value {
  return isMap(value) && isSecret(value) ? { ...value, value: change(value.value ?? null) } : change(value);
}

/** The map with every secret in it laid open. */
export function reveal(map: PropertyMap): PropertyMap {
  return withoutNulls(mapValues(map, revealed));
}

function revealed(value: Value): Value {
  if (Array.isArray(value)) return value.map(revealed);
  if (!isMap(value)) return value;
  return isSecret(value) ? revealed(value.value ?? null) : mapValues(value, revealed);
}

function isSecret(map: PropertyMap): boolean {
  return map[signature] === secretSignature;
}

/** The map without what is null: for Pulumi that is the same as absent. */
export function withoutNulls(map: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) =>
      value === null ? [] : [[key, isMap(value) ? withoutNulls(value) : value]],
    ),
  );
}

/** Deep equality, in which assets are equal when their contents are. */
export function equal(a: Value, b: Value): boolean {
  const kind = assetKind(a);
  if (kind && kind === assetKind(b) && isMap(a) && isMap(b) && a.hash && b.hash) return a.hash === b.hash;
  return isDeepStrictEqual(a, b);
}

export function mapValues(map: PropertyMap, change: (value: Value, key: string) => Value): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value, key)]));
}
