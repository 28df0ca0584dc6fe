import { statSync } from "node:fs";
import { probeArguments } from "./arguments.ts";
import { running } from "./docker.ts";
import { runProbe } from "./main.ts";

const npuNode = /^\/dev\/davinci\d+$/;

await runProbe(async () => {
  const { docker, container, devices } = probeArguments("claim-npus");
  if (docker?.startsWith("ssh://")) {
    throw new Error(
      `${container}: its host is reached by ${docker}, but this version deploys only through an engine of this machine\n` +
        "fix: run `pulumi up` on that host, with `docker` and `hostKey` left out of the stack file",
    );
  }
  const missing = devices.filter((path) => !statSync(path, { throwIfNoEntry: false })?.isCharacterDevice());
  if (missing.length > 0) {
    throw new Error(
      `${container}: device nodes ${missing.join(", ")} do not exist on this host\n` +
        "fix: check the NPU driver with `npu-smi info`, or change `devices` in the stack file",
    );
  }

  const wanted = new Set(devices.filter((path) => npuNode.test(path)));
  for (const { Name, HostConfig } of await running(docker)) {
    if (Name === `/${container}`) continue;
    const held = (HostConfig.Devices ?? [])
      .map((device) => device.PathOnHost)
      .filter((path) => wanted.has(path));
    if (held.length > 0) {
      throw new Error(
        `${container}: ${held.join(", ")} is held by the running container ${Name.slice(1)}\n` +
          `fix: stop that container, or give ${container} other NPUs in the stack file`,
      );
    }
  }
  return `free: ${[...wanted].join(", ") || "no NPU nodes wanted"}`;
});
