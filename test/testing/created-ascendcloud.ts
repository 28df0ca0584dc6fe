import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readStackFile } from "../../cli/stack-file.ts";
import { expectEngine } from "../../docker/api.ts";
import { dockerContainer } from "../../planning/container/docker-container.ts";
import type { ContainerPlan, Plan } from "../../planning/plan.ts";
import { tryRun } from "../../system/programs.ts";
import { docker, planOf, removeContainersOf } from "./stacks.ts";

/** In place of `/dev/davinci`: NPUs that no machine has. */
export const npuNode = `/dev/davinci${process.pid}`;

/**
 * The manual's containers on this machine's engine, created and never started: with the Node image in place of the
 * vendor's, mount sources below a temporary folder, and NPUs that no machine has. The scheduler is the manual's too.
 */
export async function createAscendcloud(stack: string): Promise<{ plan: Plan; dispose(): Promise<void> }> {
  const image = process.env.ASCEND_PD_NODE_IMAGE;
  if (image === undefined)
    throw new Error("no Node image: run this with `npm run toolchain -- --engine exec`");
  await removeContainersOf(stack);
  const root = await mkdtemp(join(tmpdir(), "ascend-pd-sources-"));
  const manual = readStackFile("1p1d").deployment as { scheduler: object; hosts: { "host-a": object } };
  const { docker: _, hostKey, ...host } = manual.hosts["host-a"] as Record<string, unknown>;
  const original = planOf(stack, {
    ...manual,
    hosts: { "host-a": host },
    scheduler: { ...manual.scheduler, runtime: "ascendcloud" },
  });
  const here = (container: ContainerPlan): ContainerPlan => ({
    ...container,
    image: { kind: "reference", name: image },
    mounts: container.mounts.map((mount) => ({ ...mount, source: join(root, mount.source) })),
    devices: container.devices.map((device) => ({
      ...device,
      hostPath: device.hostPath.replace(/^\/dev\/davinci(?=\d)/, npuNode),
    })),
  });
  const plan = { ...original, containers: original.containers.map(here) };
  for (const container of plan.containers) {
    for (const { source } of container.mounts) await mkdir(source, { recursive: true });
    await create(stack, container, image, root);
  }
  return {
    plan,
    async dispose() {
      await removeContainersOf(stack);
      await rm(root, { recursive: true });
    },
  };
}

/** As Pulumi's Docker provider does it. */
async function create(stack: string, plan: ContainerPlan, image: string, root: string): Promise<void> {
  const made = dockerContainer(plan, image, stack);
  await expectEngine(docker, `/containers/create?name=${plan.name}`, {
    method: "POST",
    json: {
      Image: image,
      Cmd: made.command,
      Env: made.envs,
      User: made.user,
      Labels: Object.fromEntries(made.labels.map(({ label, value }) => [label, value])),
      StopTimeout: made.stopTimeout,
      HostConfig: {
        NetworkMode: made.networkMode,
        RestartPolicy: { Name: made.restart },
        LogConfig: { Type: made.logDriver, Config: made.logOpts },
        Devices: made.devices.map((device) => ({
          PathOnHost: device.hostPath,
          PathInContainer: device.containerPath,
          CgroupPermissions: device.permissions,
        })),
        Mounts: made.mounts.map(({ source, target, readOnly }) => ({
          Type: "bind",
          Source: source,
          Target: target,
          ReadOnly: readOnly,
        })),
      },
    },
  });
  const files = join(root, plan.name);
  for (const { file, content } of made.uploads) {
    await mkdir(dirname(files + file), { recursive: true });
    await writeFile(files + file, content);
  }
  const tar = "tar --create --owner=0 --group=0 --mode=a=rX,u+w --directory";
  const { code, stderr } = await tryRun("sh", [
    "-c",
    `${tar} '${files}' etc | docker --host '${docker}' cp - ${plan.name}:/`,
  ]);
  if (code !== 0) throw new Error(stderr);
}
