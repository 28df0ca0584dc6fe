import { expect } from "vitest";
import { everyContainer, labelsOf } from "../../planning/container/settings.ts";
import type { ContainerPlan } from "../../planning/plan.ts";
import { fileOf, inspectContainer } from "./stacks.ts";

/** A container of the simulator or the scheduler is what its Plan says, by the engine's own word. */
export async function expectAsPlanned(stack: string, plan: ContainerPlan): Promise<void> {
  const { Config, HostConfig, Mounts } = await inspectContainer(plan.name);

  expect(Config.Cmd).toEqual(plan.command);
  expect(Config.Env).toEqual(
    expect.arrayContaining(Object.entries(plan.env).map(([key, value]) => `${key}=${value}`)),
  );
  expect(sorted(HostConfig.Devices ?? [])).toEqual(
    sorted(
      plan.devices.map(({ hostPath, containerPath, permissions }) => ({
        PathOnHost: hostPath,
        PathInContainer: containerPath,
        CgroupPermissions: permissions,
      })),
    ),
  );
  expect(Mounts.filter(({ Type }: { Type: string }) => Type === "bind")).toEqual([]);
  expect(HostConfig.NetworkMode).toBe("host");
  expect(HostConfig.ShmSize).toBe((plan.sharedMemoryMib ?? 64) * 2 ** 20);
  expect(HostConfig.Memory).toBe((plan.memoryMib ?? 0) * 2 ** 20);
  expect(HostConfig.IpcMode).toBe("private");
  expect(sorted(HostConfig.Ulimits ?? [])).toEqual(
    sorted(Object.entries(plan.ulimits ?? {}).map(([Name, limit]) => ({ Name, Hard: limit, Soft: limit }))),
  );
  expect(HostConfig.Privileged).toBe(false);
  expect(HostConfig.CapDrop).toEqual(["ALL"]);
  expect(HostConfig.SecurityOpt).toContain("no-new-privileges");
  expect(HostConfig.RestartPolicy.Name).toBe("unless-stopped");
  expect(HostConfig.LogConfig).toEqual({ Type: "json-file", Config: everyContainer.logOptions });
  expect(Config.StopTimeout).toBe(plan.stopTimeoutSeconds);
  expect(Config.Labels).toMatchObject(labelsOf(stack, plan.role));
  expect(Config.User).toBe("1000");
  for (const { path, content } of plan.files) {
    expect(await fileOf(plan.name, path)).toEqual({ content, mode: 0o644, owner: 0 });
  }
}

function sorted<T>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
