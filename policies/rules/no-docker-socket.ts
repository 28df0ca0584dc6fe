import { Container } from "@pulumi/docker";
import { type ResourceValidationPolicy, validateResourceOfType } from "@pulumi/policy";

/** Whoever holds the engine's socket or the root folder owns the host. */
export const noDockerSocket: ResourceValidationPolicy = {
  name: "no-docker-socket",
  description: "Containers mount neither the Docker socket nor the host's root folder.",
  validateResource: validateResourceOfType(Container, (container, _args, reportViolation) => {
    const sources = [
      ...(container.mounts ?? []).map(({ source }) => source),
      ...(container.volumes ?? []).map(({ hostPath }) => hostPath),
    ];
    for (const source of sources) {
      if (source === "/" || source?.endsWith("/docker.sock")) {
        reportViolation(`${container.name} mounts ${source} of the host`);
      }
    }
  }),
};
