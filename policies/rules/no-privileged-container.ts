import { Container } from "@pulumi/docker";
import { type ResourceValidationPolicy, validateResourceOfType } from "@pulumi/policy";

/** A privileged container sees every NPU of the host, so the device list means nothing any more. */
export const noPrivilegedContainer: ResourceValidationPolicy = {
  name: "no-privileged-container",
  description: "Containers get exactly their devices and are never privileged.",
  validateResource: validateResourceOfType(Container, (container, _args, reportViolation) => {
    if (container.privileged) reportViolation(`${container.name} is privileged; give it its devices instead`);
  }),
};
