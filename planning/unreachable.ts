import type { HostPlan } from "./plan.ts";
import { fingerprint } from "./ssh-options.ts";

/** For people: that no Docker Engine answers at `at`, the address tried for `host`; why; and what to do. */
export function unreachableMessage({ name, docker, hostKey }: HostPlan, at: string, reason: string): string {
  if (!docker?.startsWith("ssh://") || hostKey === undefined) {
    return `${name}: no Docker Engine answers at ${at}: ${reason}\nfix: start it, or correct DOCKER_HOST`;
  }
  if (reason.includes("Host key verification failed")) {
    const seen = /SHA256:[\w+/]+/.exec(reason)?.[0] ?? "none that could be read";
    return (
      `${name}: ${docker} shows another host key than the pinned one, so nothing was sent there\n` +
      `  pinned  ${fingerprint(hostKey)}\n` +
      `  seen    ${seen}\n` +
      `fix: if ${name} was installed anew, compare the seen one with \`ssh-keygen -lf\` of its key file on its ` +
      `console and put the new key into hosts.${name}.hostKey; if not, something else answers at that address`
    );
  }
  return (
    `${name}: no Docker Engine answers through ${docker}: ${reason}\n` +
    `fix: make \`ssh ${docker} docker version\` work from here without a password`
  );
}
