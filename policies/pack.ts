import { PolicyPack } from "@pulumi/policy";
import { noDockerSocket } from "./rules/no-docker-socket.ts";
import { noPrivilegedContainer } from "./rules/no-privileged-container.ts";
import { npuHeldOnce } from "./rules/npu-held-once.ts";

new PolicyPack("ascend-pd", {
  enforcementLevel: "mandatory",
  policies: [noPrivilegedContainer, noDockerSocket, npuHeldOnce],
});
