/**
 * Property values as the engine sends them: JSON, with a few special objects told by a signature. The constants
 * are Pulumi's wire format.
 */
export type Value = null | boolean | number | string | readonly Value[] | PropertyMap;
export type PropertyMap = { readonly [key: string]: Value };

const signature = "4dabf18193072939515e22adb298388d";

/** Stands for a value that is only known after the deployment. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function isMap(value: Value | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is a map of ordinary properties: not a secret, an asset or a resource. */
export function isPlainMap(value: Value): value is PropertyMap {
  return isMap(value) && !(signature in value);
}

/** The map with every secret in it laid open. */
export function reveal(map: PropertyMap): PropertyMap {
  return withoutNulls(revealedMap(map));
}

function revealed(value: Value): Value {
  if (Array.isArray(value)) return value.map(revealed);
  if (!isMap(value)) return value;
  return isSecret(value) ? revealed(value.value ?? null) : revealedMap(value);
}

function revealedMap(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, revealed(value)]));
}

function isSecret(map: PropertyMap): boolean {
  return map[signature] === "1b47061264138c4ac30d75fd1eb44270";
}

/** The map without what is null: for Pulumi that is the same as absent. */
export function withoutNulls(map: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) =>
      value === null ? [] : [[key, isMap(value) ? withoutNulls(value) : value]],
    ),
  );
}

/** Whether both are assets of the same content, wherever it lies. */
export function sameAsset(a: Value, b: Value): boolean {
  return isMap(a) && isMap(b) && a.hash !== undefined && a.hash === b.hash && a[signature] === b[signature];
}
