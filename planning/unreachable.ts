import type { HostPlan } from "./plan.ts";
import { fingerprint } from "./ssh-options.ts";

/** For people: that no Docker Engine answers at `at`, the address tried for `host`; why; and what to do. */
export function unreachableMessage(host: HostPlan, at: string, reason: string): string {
  const { seen, fix } = unreachable(host, "no Docker Engine answers", at, reason);
  return `${host.name}: ${seen}\nfix: ${fix}`;
}

/** The same in two parts, for whatever was tried: `what` says that it did not come about. */
export function unreachable(
  { name, docker, hostKey }: HostPlan,
  what: string,
  at: string,
  reason: string,
): { readonly seen: string; readonly fix: string } {
  if (!docker?.startsWith("ssh://") || hostKey === undefined) {
    const fix = reason.includes("EACCES")
      ? "let this user open it (`sudo usermod -aG docker $USER`, then log in again)"
      : "start it, or correct DOCKER_HOST";
    return { seen: `${what} at ${at}: ${reason}`, fix };
  }
  if (reason.includes("Host key verification failed")) {
    const seen = /SHA256:[\w+/]+/.exec(reason)?.[0] ?? "none that could be read";
    return {
      seen:
        `${docker} shows another host key than the pinned one, so nothing was sent there\n` +
        `  pinned  ${fingerprint(hostKey)}\n` +
        `  seen    ${seen}`,
      fix:
        `if ${name} was installed anew, compare the seen one with \`ssh-keygen -lf\` of its key file on its ` +
        `console and put the new key into hosts.${name}.hostKey; if not, something else answers at that address`,
    };
  }
  return {
    seen: `${what} through ${docker}: ${reason}`,
    fix: `make \`ssh ${docker} docker version\` work from here without a password`,
  };
}
