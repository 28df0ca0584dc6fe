/** What the tag of one of vllm-ascend's own images says; undefined where it says nothing of that. */
export interface ImageTag {
  readonly name: string;
  readonly version: readonly [number, number] | undefined;
  /** NPU device nodes of the hosts that it is made for. */
  readonly npus: 8 | 16 | undefined;
}

/** Reads `…/vllm-ascend:v0.23.0-a3` and the like; of other names nothing is known. */
export function imageTag(name: string): ImageTag {
  const [, major, minor, rest = ""] = /(?:^|\/)vllm-ascend:v(\d+)\.(\d+)([\w.-]*)(?:@.*)?$/.exec(name) ?? [];
  if (major === undefined || minor === undefined) return { name, version: undefined, npus: undefined };
  return {
    name,
    version: [Number(major), Number(minor)],
    npus: rest.split("-").includes("a3") ? 16 : /-(310p|a5)\b/.test(rest) ? undefined : 8,
  };
}

/** Whether the image is older than `first`, or not known to be. */
export function isOlder({ version }: ImageTag, [major, minor]: readonly [number, number]): boolean {
  if (version === undefined) return false;
  return version[0] < major || (version[0] === major && version[1] < minor);
}
