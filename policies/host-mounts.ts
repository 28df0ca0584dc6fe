import { posix } from "node:path";
import type { VolumeArgs } from "@pulumi/docker";
import type { Unwrap } from "@pulumi/pulumi";
import type { Known } from "./known.ts";
import { type ContainerInputs, containerType, type Resource } from "./resource-policy.ts";

/** What a container is given of the host's files, or a volume stands for. */
export type HostMount =
  /** A folder or file; the path is absolute, without `.`, `..`, repeated or trailing slashes. */
  | { readonly source: string; readonly readOnly: boolean }
  /** Something whose files cannot be told from its inputs. */
  | { readonly unclear: string };

/** Docker's own volumes, and file systems in memory, are nothing of the host's. */
export function hostMounts({ type, props }: Resource): HostMount[] {
  if (type === "docker:index/volume:Volume") {
    const { driver, driverOpts } = props as Known<Unwrap<VolumeArgs>>;
    return byDriver(driver, driverOpts);
  }
  if (type !== containerType) return [];
  const { mounts, volumes } = props as ContainerInputs;
  return [...(mounts ?? []).flatMap(ofMount), ...(volumes ?? []).flatMap(ofVolume)];
}

type Item<Key extends "mounts" | "volumes"> = NonNullable<ContainerInputs[Key]>[number];

function ofMount({
  type = "bind",
  source,
  readOnly,
  bindOptions,
  volumeOptions,
}: Item<"mounts">): HostMount[] {
  if (type === "tmpfs") return [];
  if (type === "bind") {
    // By any other, what is mounted later on one side shows on the other.
    const propagation = bindOptions?.propagation || "rprivate";
    if (!["private", "rprivate"].includes(propagation))
      return [{ unclear: `${source} with the propagation ${propagation}` }];
    return atPath(source, readOnly);
  }
  if (type !== "volume") return [{ unclear: `${source} by the type ${type}` }];
  if (volumeOptions?.subpath) return [{ unclear: `the part ${volumeOptions.subpath} of a volume` }];
  return [...named(source), ...byDriver(volumeOptions?.driverName, volumeOptions?.driverOptions)];
}

function ofVolume(volume: Item<"volumes">): HostMount[] {
  const { hostPath, volumeName, fromContainer, containerPath, readOnly, selinuxRelabel } = volume;
  if (fromContainer) return [{ unclear: `whatever ${fromContainer} mounts` }];
  if (selinuxRelabel) return [{ unclear: `${hostPath} with its SELinux label changed` }];
  // Docker is told `HOST:CONTAINER`, and takes what follows a colon in one of them for something else.
  if (containerPath?.includes(":")) return [{ unclear: `${hostPath ?? volumeName} as ${containerPath}` }];
  return hostPath ? atPath(hostPath, readOnly) : named(volumeName);
}

function named(volume = ""): HostMount[] {
  return /^([A-Za-z0-9][\w.-]*)?$/.test(volume) ? [] : [{ unclear: `the volume ${volume}` }];
}

function atPath(source: string | undefined, readOnly: boolean | undefined): HostMount[] {
  if (source === undefined) return [];
  const isClear = source.startsWith("/") && !/[:\0]/.test(source);
  return isClear ? [{ source: posix.resolve(source), readOnly: readOnly === true }] : [{ unclear: source }];
}

/** What a file system in memory may be told: by any other word, e.g. `bind`, the kernel makes something else of it. */
const inMemory = /^(size|nr_inodes|mode|uid|gid)=\w+%?$|^(ro|rw|noexec|nosuid|nodev|noatime)$/;

type Options = Readonly<Record<string, string | undefined>> | undefined;

/** The local driver mounts what it is told to: `{ type: "none", o: "bind,ro", device: "/etc" }` is a folder of the host. */
function byDriver(driver: string | undefined, options: Options = {}): HostMount[] {
  if (driver && driver !== "local") return [{ unclear: `what the volume driver ${driver} has` }];
  const { type = "none", o = "", device, ...more } = options;
  const words = o.split(",").filter((word) => word !== "");
  if (Object.keys(options).length === 0) return [];
  if (type === "tmpfs" && Object.keys(more).length === 0 && words.every((word) => inMemory.test(word)))
    return [];
  const isBind = ["none", "bind"].includes(type) && words.includes("bind");
  const isPlain = words.every((word) => ["bind", "ro", "rw"].includes(word));
  if (isBind && isPlain && Object.keys(more).length === 0)
    return atPath(device, words.at(-1) === "ro" || (words.includes("ro") && !words.includes("rw")));
  return [{ unclear: `a volume of ${device ?? "nothing"} by ${JSON.stringify(options)}` }];
}
