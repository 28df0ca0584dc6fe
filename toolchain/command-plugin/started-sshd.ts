import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import ssh2 from "ssh2";
import { type Context, cached, defaultCacheDir, exists, run } from "../context.ts";
import type { PropertyMap } from "./values.ts";

/** A real sshd for tests, on loopback, with keys of its own. Lets only the present user in. */
export interface StartedSshd {
  readonly port: number;
  /** Public host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** Input `connection` of a remote resource. */
  readonly connection: PropertyMap;
  stop(): Promise<void>;
}

/** Where an sshd is on this machine, or why there is none. */
export type Sshd = { readonly program: string; readonly libraries: string } | { readonly missing: string };

/**
 * The machine's own sshd; else Debian's, unpacked and not installed, since a test must not open port 22 of the
 * machine.
 */
export async function findSshd(): Promise<Sshd> {
  if (await exists("/usr/sbin/sshd")) return { program: "/usr/sbin/sshd", libraries: "" };
  const context: Context = { cacheDir: defaultCacheDir(), say: console.log };
  try {
    const folder = await cached(context, "test-sshd-debian", unpackSshd);
    const library = join(folder, "usr/lib", `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`);
    return { program: join(folder, "usr/sbin/sshd"), libraries: library };
  } catch (error) {
    return {
      missing: `no sshd here, and none to be had from apt: ${error instanceof Error ? error.message : error}`,
    };
  }
}

/** Fetches openssh-server and those of its dependencies that the machine lacks. */
async function unpackSshd(folder: string): Promise<void> {
  const archives = join(folder, "archives");
  await mkdir(join(archives, "partial"), { recursive: true });
  const options = ["-o", `Dir::Cache::Archives=${archives}`, "-o", "Debug::NoLocking=1"];
  await run("apt-get", [
    ...options,
    "--yes",
    "--download-only",
    "--no-install-recommends",
    "install",
    "openssh-server",
  ]);
  for (const name of await readdir(archives)) {
    if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", join(archives, name), folder]);
  }
}

export async function startSshd(sshd: Exclude<Sshd, { missing: string }>): Promise<StartedSshd> {
  const folder = await mkdtemp(join(tmpdir(), "sshd-"));
  const host = ssh2.utils.generateKeyPairSync("ed25519");
  const user = ssh2.utils.generateKeyPairSync("ed25519");
  await writeFile(join(folder, "host_key"), host.private, { mode: 0o600 });
  await writeFile(join(folder, "authorized_keys"), `${user.public}\n`, { mode: 0o600 });
  // Where sshd, started by root, keeps nobody's empty root directory.
  if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true });
  const port = await freePort();
  const config = [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${join(folder, "host_key")}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    "PidFile none",
    "StrictModes no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    "AcceptEnv GREETING PULUMI_COMMAND_STDOUT",
    "Subsystem sftp internal-sftp",
  ];
  await writeFile(join(folder, "sshd_config"), config.join("\n"));
  const server = spawn(sshd.program, ["-D", "-e", "-f", join(folder, "sshd_config")], {
    env: { ...process.env, ...(sshd.libraries && { LD_LIBRARY_PATH: sshd.libraries }) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  await listening(server);
  return {
    port,
    hostKey: host.public,
    connection: {
      host: "127.0.0.1",
      port,
      user: userInfo().username,
      privateKey: user.private,
      hostKey: host.public,
      dialErrorLimit: 0,
    },
    async stop() {
      server.kill();
      await once(server, "exit");
      await rm(folder, { recursive: true });
    },
  };
}

async function listening(server: ChildProcess & { readonly stderr: NodeJS.ReadableStream }): Promise<void> {
  const lines = createInterface(server.stderr);
  let said = "";
  for await (const line of lines) {
    if (line.startsWith("Server listening")) return void server.stderr.resume();
    said += `${line}\n`;
  }
  throw new Error(`sshd did not start: ${said}`);
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}
