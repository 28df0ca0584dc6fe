import { mkdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { HostPlan } from "../../planning/plan.ts";
import { greetEngine, hostOf } from "../../toolchain/docker-api.ts";
import { sshArguments } from "../../toolchain/ssh.ts";
import { fingerprint } from "../ssh-options.ts";
import { engineOf } from "./docker.ts";

/** For each host whose Docker Engine does not answer within seconds: what was tried, what came, and what to do. */
export async function unreachableHosts(hosts: readonly HostPlan[]): Promise<string[]> {
  // The shared connections lie there, and `ssh` does not make it. It goes by the account, not by HOME.
  await mkdir(join(userInfo().homedir, ".ssh"), { recursive: true, mode: 0o700 });
  const messages = await Promise.all(hosts.map(unreachable));
  return messages.filter((message) => message !== undefined);
}

async function unreachable(host: HostPlan): Promise<string | undefined> {
  const engine = engineOf(host);
  const greeting = await greetEngine(engine);
  if (greeting.answers) return undefined;
  const { docker, hostKey } = host;
  if (!docker?.startsWith("ssh://") || hostKey === undefined) {
    const at = hostOf(engine);
    return `${host.name}: no Docker Engine answers at ${at}: ${greeting.reason}\nfix: start it, or correct DOCKER_HOST`;
  }

  const byHand = `ssh ${sshArguments(new URL(docker), []).join(" ")} docker version`;
  if (greeting.reason.includes("Host key verification failed")) {
    const seen = /SHA256:[\w+/]+/.exec(greeting.reason)?.[0] ?? "none that could be read";
    return (
      `${host.name}: ${docker} shows another host key than the pinned one, so nothing was sent there\n` +
      `  pinned  ${fingerprint(hostKey)}\n` +
      `  seen    ${seen}\n` +
      `fix: if ${host.name} was installed anew, compare the seen one with \`ssh-keygen -lf\` of its key file on its ` +
      `console and put the new key into hosts.${host.name}.hostKey; if not, something else answers at that address`
    );
  }
  return (
    `${host.name}: no Docker Engine answers through ${docker}: ${greeting.reason}\n` +
    `fix: make \`${byHand}\` work from here without a password`
  );
}
