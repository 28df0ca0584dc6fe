import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../system/programs.ts";
import type { Architecture } from "./node-digests.ts";

const accounts = {
  passwd: [
    "root:x:0:0:root:/root:/usr/sbin/nologin",
    "node:x:1000:1000:node:/nonexistent:/usr/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
  ],
  group: ["root:x:0:", "node:x:1000:", "nogroup:x:65534:"],
  "nsswitch.conf": ["passwd: files", "group: files", "hosts: files dns"],
};

/** The folders of a root that Debian packages are unpacked into, and who is known there. */
export async function layOut(root: string): Promise<void> {
  for (const path of ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/local/bin", "etc", "tmp"]) {
    await mkdir(join(root, path), { recursive: true });
  }
  // Packages of either age find their place: those that say /lib, and those that say /usr/lib.
  for (const name of ["bin", "sbin", "lib", "lib64"]) await symlink(`usr/${name}`, join(root, name));
  for (const [name, lines] of Object.entries(accounts)) {
    await writeFile(join(root, "etc", name), `${lines.join("\n")}\n`);
  }
}

/**
 * Unpacks Debian packages and whatever they depend on, licences included, of any architecture on any. `state` is a
 * folder for apt; the machine's own package state is left alone.
 */
export async function unpackPackages(
  root: string,
  state: string,
  architecture: Architecture,
  packages: readonly string[],
): Promise<void> {
  const archives = join(state, "cache/archives");
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await mkdir(join(archives, "partial"), { recursive: true });
  await writeFile(join(state, "status"), "");
  // A state of its own, in which nothing is installed and `architecture` is native.
  const settings = [
    ...["-o", `Dir::State=${state}`, "-o", `Dir::State::status=${state}/status`],
    ...["-o", `Dir::Cache=${state}/cache`, "-o", "APT::Sandbox::User="],
    ...["-o", `APT::Architecture=${architecture}`, "-o", `APT::Architectures=${architecture}`],
  ];
  const fix = `apt needs a source of ${architecture} packages; or pull the image on a machine with a registry`;
  const download = ["install", "--yes", "--download-only", "--no-install-recommends"];
  await run("apt-get", [...settings, "update"], { fix });
  await run("apt-get", [...settings, ...download, ...packages], { fix });
  for (const name of (await readdir(archives)).filter((file) => file.endsWith(".deb"))) {
    const unpack = 'dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink -C "$1"';
    await run("sh", ["-c", unpack, join(archives, name), root]);
  }
}
