import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import ssh2 from "ssh2";
import { exists, tryRun } from "../context.ts";
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

const program = "/usr/sbin/sshd";

/** Whether there is an sshd to test with; it is installed where that cannot start a service on port 22. */
export async function haveSshd(): Promise<boolean> {
  if (await exists(program)) return true;
  if (userInfo().uid === 0 && !(await exists("/run/systemd/system"))) {
    await tryRun("apt-get", ["update"]);
    const options = ["-o", "DPkg::Lock::Timeout=300", "--yes", "--no-install-recommends"];
    await tryRun("apt-get", [...options, "install", "openssh-server"]);
  }
  return exists(program);
}

export async function startSshd(): Promise<StartedSshd> {
  const folder = await mkdtemp(join(tmpdir(), "sshd-"));
  const host = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });
  const user = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });
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
  const server = spawn(program, ["-D", "-e", "-f", join(folder, "sshd_config")], {
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
