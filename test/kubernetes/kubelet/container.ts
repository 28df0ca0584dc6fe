import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { rootEnv } from "../../../system/programs.ts";
import type { Image } from "./images.ts";
import type { Container, Volume } from "./pod-spec.ts";

export interface ContainerStart {
  /** Of the pod: its root file system, and its log. */
  readonly folder: string;
  /** The file of its network namespace. */
  readonly network: string;
  readonly image: Image;
  readonly container: Container;
  readonly volumes: readonly Volume[];
  readonly env: Readonly<Record<string, string>>;
  /** Of its volumes of ConfigMaps: absolute paths in the container. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * A container as a process: its own root and mounts, its pod's network, its image's program on this project's Node. What is
 * mounted is seen by it alone and goes with it. The process is the program itself, so signals are its own.
 */
export async function startContainer(start: ContainerStart): Promise<ChildProcess> {
  const { folder, network, image, container, volumes, files } = start;
  const root = join(folder, "root");
  const inside = (path: string) => join(root, path);
  await rm(root, { recursive: true, force: true });
  for (const path of ["/tmp", "/dev/shm", "/opt/bin", "/run"]) await mkdir(inside(path), { recursive: true });
  for (const [path, content] of Object.entries({ ...files, [image.path]: image.script })) {
    await mkdir(dirname(inside(path)), { recursive: true });
    await writeFile(inside(path), content);
  }
  await writeFile(inside("/opt/bin/node"), "");
  const binds: [string, string][] = [[process.execPath, inside("/opt/bin/node")]];
  for (const device of ["null", "zero", "random", "urandom"]) {
    await writeFile(inside(`/dev/${device}`), "");
    binds.push([`/dev/${device}`, inside(`/dev/${device}`)]);
  }
  // Every container has this one, of its own.
  const memory = new Set([inside("/dev/shm")]);
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const volume = volumes.find((one) => one.name === name);
    if (volume?.emptyDir !== undefined) {
      await mkdir(inside(mountPath), { recursive: true });
      memory.add(inside(mountPath));
    }
    if (volume?.hostPath === undefined) continue;
    await mkdir(dirname(inside(mountPath)), { recursive: true });
    if (volume.hostPath.type === "Directory") await mkdir(inside(mountPath), { recursive: true });
    else await writeFile(inside(mountPath), "");
    binds.push([volume.hostPath.path, inside(mountPath)]);
  }
  const script = [
    "set -e",
    // As on this machine, where /lib may be a link into /usr.
    `for one in usr bin sbin lib lib64 etc/ssl proc; do
       if [ -L /$one ]; then ln -s "$(readlink /$one)" ${root}/$one
       elif [ -d /$one ]; then mkdir -p ${root}/$one; mount --rbind /$one ${root}/$one; fi
     done`,
    ...binds.map(([from, to]) => `mount --bind ${from} ${to}`),
    ...[...memory].map((path) => `mount -t tmpfs -o mode=1777 own ${path}`),
    `chmod 1777 ${root}/tmp`,
    `cd ${root}`,
    `exec chroot --userspec=${image.user}:${image.user} ${root} "$@"`,
  ].join("\n");
  const env = {
    ...image.env,
    PATH: "/opt/bin:/usr/bin:/bin",
    ...start.env,
  };
  const log = openSync(join(folder, "log"), "a");
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return spawn(
    "nsenter",
    [
      ...[`--net=${network}`, "unshare", "--mount", "sh", "-c", script, "sh", "/usr/bin/env", "-i", ...set],
      ...image.entryPoint,
      ...(container.args ?? []).map(expanded),
    ],
    { env: rootEnv(), stdio: ["ignore", log, log] },
  );
}

/** `$$(` stands for `$(`; of variables nothing is asked for here. */
export const expanded = (text: string): string => text.replace(/\$\$/g, "$");
