import { mountPolicy } from "../host-mounts.ts";

/** Who can read these owns the host, or what else runs on it. `*` stands for any one name. */
const sensitive = [
  "/run/docker.sock",
  "/run/user/*/docker.sock",
  "/run/containerd",
  "/var/lib/docker",
  "/var/lib/containerd",
  "/proc",
  "/dev",
  "/etc/shadow",
  "/etc/ssh",
  "/root/.ssh",
  "/home/*/.ssh",
];

/** Also read-only they give everything away: a socket takes orders all the same, and keys need only be read. */
export const noSensitiveMount = mountPolicy(
  {
    name: "no-sensitive-mount",
    description: `Neither ${sensitive.map((path) => `\`${path}\``).join(", ")} nor anything in or above them is mounted, read-only or not.`,
    remediationSteps:
      "mount the folder that the container needs, e.g. /data/models; device nodes belong in `devices`, shared memory in `shmSize`",
  },
  ({ source }) => {
    const names = namesOf(source.replace(/^\/var\/run(?=\/|$)/, "/run"));
    const held = sensitive.find((path) => overlap(namesOf(path), names));
    if (held !== undefined) return held === source ? "" : `, which leads to ${held}`;
    return names.at(-1) === "docker.sock" ? "" : undefined;
  },
);

const namesOf = (path: string): string[] => path.split("/").filter(Boolean);

/** Whether one path is the other or lies below it. */
function overlap(pattern: readonly string[], names: readonly string[]): boolean {
  return names.every(
    (name, depth) => pattern[depth] === undefined || pattern[depth] === "*" || pattern[depth] === name,
  );
}
