import { posix } from "node:path";
import { Container } from "@pulumi/docker";
import { type ResourceValidationPolicy, validateResourceOfType } from "@pulumi/policy";

/** Whoever holds the engine's socket owns the host. */
export const noDockerSocket: ResourceValidationPolicy = {
  name: "no-docker-socket",
  description:
    "Containers mount neither the Docker socket nor a folder that holds it, such as the root folder.",
  validateResource: validateResourceOfType(Container, (container, _args, reportViolation) => {
    const sources = [
      ...(container.mounts ?? []).map(({ source }) => source),
      ...(container.volumes ?? []).map(({ hostPath }) => hostPath),
    ];
    for (const source of sources) {
      if (source !== undefined && holdsSocket(source)) {
        reportViolation(`${container.name} mounts ${source} of the host`);
      }
    }
  }),
};

function holdsSocket(source: string): boolean {
  const folder = posix.normalize(`${source}/`);
  const sockets = ["/var/run/docker.sock/", "/run/docker.sock/"];
  return folder.endsWith("/docker.sock/") || sockets.some((socket) => socket.startsWith(folder));
}
