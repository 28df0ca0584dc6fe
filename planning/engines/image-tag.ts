import type { Generation } from "../generation.ts";

/** What the tag of one of vllm-ascend's own images says; undefined where it says nothing of that. */
export interface ImageTag {
  readonly name: string;
  readonly version: readonly [number, number] | undefined;
  /** Of the NPUs that it is made for. */
  readonly generation: Generation | undefined;
}

/** Reads `…/vllm-ascend:v0.23.0-a3` and the like; of other names nothing is known. */
export function imageTag(name: string): ImageTag {
  const [, major, minor, rest = ""] = /(?:^|\/)vllm-ascend:v(\d+)\.(\d+)([\w.-]*)(?:@.*)?$/.exec(name) ?? [];
  if (major === undefined || minor === undefined) return { name, version: undefined, generation: undefined };
  return {
    name,
    version: [Number(major), Number(minor)],
    generation: generationIn(rest.split("-")),
  };
}

function generationIn(words: readonly string[]): Generation | undefined {
  if (words.includes("a5")) return undefined;
  return (["a3", "310p"] as const).find((one) => words.includes(one)) ?? "a2";
}

/** Whether the image is older than `first`, or not known to be. */
export function isOlder({ version }: ImageTag, [major, minor]: readonly [number, number]): boolean {
  if (version === undefined) return false;
  return version[0] < major || (version[0] === major && version[1] < minor);
}
