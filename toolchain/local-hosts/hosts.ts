import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectTo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FixableError } from "../../problems/fixable-error.ts";
import { processesUsing } from "../../system/processes.ts";
import { onPath, rootEnv, run, tryRun } from "../../system/programs.ts";
import type { Context } from "../context.ts";
import { installPackages } from "../debian-packages.ts";
import { ensureDockerd } from "../docker-engine.ts";
import { type OwnEngine, ownEngine, removeEngine, runDirOf, startEngine } from "../own-engine.ts";
import { inNamespace, makeNamespace, removeNamespace } from "./namespace.ts";
import { connect } from "./network.ts";
import { withOwnFolders } from "./own-folders.ts";

/** A machine of our own on this machine: a network namespace with addresses, a Docker Engine and an sshd. */
export interface LocalHost {
  readonly address: string;
  /** Another one of it; absent where the machine has no IPv6. */
  readonly ipv6?: string;
  /** `ssh://root@<address>`, where its Docker Engine is reached. */
  readonly docker: string;
  /** Its public host key. */
  readonly hostKey: string;
  readonly engine: OwnEngine;
}

export interface LocalHosts {
  readonly hosts: readonly LocalHost[];
  /** With this in its environment, `ssh` is let in. */
  readonly env: Readonly<Record<string, string>>;
}

/** The environment of `LocalHosts` in `folder`. */
export function environmentOf(folder: string): LocalHosts["env"] {
  return { SSH_AUTH_SOCK: join(runDirOf(folder), "agent") };
}

/** What `startHosts` needs, installed if need be. Throws a FixableError that says why there can be no hosts here. */
export async function requireHosts(context: Context): Promise<void> {
  if (process.geteuid?.() !== 0) {
    throw new FixableError("only root can make hosts of network namespaces", "run this as root");
  }
  const { code, stderr } = await tryRun("unshare", ["--net", "true"], { env: rootEnv() });
  if (code !== 0) {
    throw new FixableError(
      `no network namespace can be made here: ${stderr.trim()}`,
      "use a virtual machine or a privileged container",
    );
  }
  await ensureDockerd(context);
  const wanted = { ip: "iproute2", ssh: "openssh-client", sshd: "openssh-server" };
  const missing = await Promise.all(
    Object.entries(wanted).map(async ([program, name]) => ((await findForRoot(program)) ? [] : [name])),
  );
  if (missing.flat().length === 0) return;
  const fix = `apt-get install ${missing.flat().join(" ")}`;
  if (missing.flat().includes("openssh-server") && existsSync("/run/systemd/system")) {
    // Installing it would open port 22 of this machine.
    throw new FixableError("there is no sshd on this machine", fix);
  }
  await installPackages(context, missing.flat(), fix);
}

/**
 * Starts `count` hosts that are reachable from here and from each other. Everything they have lies in `folder`, which
 * must not exist; `removeHosts` finds it all by that folder, also after a crash at any point. Who logs in sees the files
 * of this machine, but changes of `ownFolders` stay on the host.
 */
export async function startHosts(
  context: Context,
  folder: string,
  count: number,
  ownFolders: readonly string[] = [],
): Promise<LocalHosts> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const folders = Array.from({ length: count }, (_, index) => join(folder, `host-${index}`));
  for (const one of folders) {
    await mkdir(one);
    await makeNamespace(join(one, "net"));
  }
  const addresses = await connect(
    folder,
    folders.map((one) => join(one, "net")),
  );
  await startAgent(folder);
  const dockerd = await ensureDockerd(context);
  const quiet = { ...context, say: () => {} };
  const hosts = await Promise.all(
    folders.map(async (one, index) => {
      const { ipv4: address = "", ipv6 } = addresses[index] ?? {};
      const engine = engineIn(one);
      await startEngine(quiet, engine, dockerd);
      const hostKey = await startSshd(one, engine, join(folder, "key.pub"), ownFolders);
      await untilListening(address, join(one, "sshd.log"));
      return {
        address,
        ...(ipv6 !== undefined && { ipv6 }),
        docker: `ssh://root@${address}`,
        hostKey,
        engine,
      };
    }),
  );
  return { hosts, env: environmentOf(folder) };
}

/** Stops everything that `startHosts` has started in `folder`, and deletes the folder. */
export async function removeHosts(context: Context, folder: string): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("host-"));
  await Promise.all(
    names.map(async (name) => {
      await removeEngine(context, engineIn(join(folder, name)));
      await removeNamespace(join(folder, name, "net"));
    }),
  );
  await removeNamespace(join(folder, "switch"));
  for (const pid of await processesUsing(runDirOf(folder), /^ssh-agent$/)) process.kill(pid);
  for (const one of [runDirOf(folder), folder]) await rm(one, { recursive: true, force: true });
}

function engineIn(folder: string): OwnEngine {
  return { ...ownEngine(folder), namespace: join(folder, "net") };
}

/** Makes the key that all hosts let in, and an agent that offers it, as a user's agent does. */
async function startAgent(folder: string): Promise<void> {
  const key = join(folder, "key");
  const env = environmentOf(folder);
  await mkdir(runDirOf(folder), { recursive: true });
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  await run("ssh-agent", ["-a", env.SSH_AUTH_SOCK ?? ""]);
  await run("ssh-add", ["-q", key], { env: { ...process.env, ...env } });
}

/** Returns the public host key. The `docker` of whoever logs in speaks to this host's engine. */
async function startSshd(
  folder: string,
  engine: OwnEngine,
  userKey: string,
  ownFolders: readonly string[],
): Promise<string> {
  const hostKey = join(folder, "host_key");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", hostKey]);
  const home = join(folder, "home");
  await mkdir(home);
  const config = [
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${userKey}`,
    "PidFile none",
    // The folder may stand below one that others can write, such as /tmp.
    "StrictModes no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    // A home of the host's own: what this machine's shells do at a login is no part of a host.
    `SetEnv DOCKER_HOST=${engine.host} HOME=${home}`,
    "Subsystem sftp internal-sftp",
  ];
  const file = join(folder, "sshd_config");
  await writeFile(file, `${config.join("\n")}\n`);
  await mkdir("/run/sshd", { recursive: true });
  const sshd = [(await findForRoot("sshd")) ?? "sshd", "-f", file, "-E", join(folder, "sshd.log")];
  const own = join(folder, "own");
  await mkdir(own);
  await inNamespace(join(folder, "net"), withOwnFolders(own, ownFolders, sshd));
  const [type, blob] = (await readFile(`${hostKey}.pub`, "utf8")).split(" ");
  return `${type} ${blob}`;
}

/** It is in the background before it listens, and before it can fail to. */
async function untilListening(address: string, log: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await accepts(address, 22))) {
    if (Date.now() > deadline) {
      const words = await readFile(log, "utf8").catch(() => "");
      throw new FixableError(`the sshd of ${address} does not listen: ${words.trim()}`, "mend what it says");
    }
    await sleep(50);
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTo({ host, port, timeout: 5_000 });
    for (const event of ["connect", "error", "timeout"])
      socket.once(event, () => {
        socket.destroy();
        resolve(event === "connect");
      });
  });
}

function findForRoot(program: string): Promise<string | undefined> {
  return onPath(program, rootEnv());
}
