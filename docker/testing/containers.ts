import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { afterEach } from "vitest";
import { defaultHost, expectEngine } from "../api.ts";

export const engine = process.env.DOCKER_HOST || defaultHost;
const containers: string[] = [];

afterEach(async () => {
  for (const name of containers.splice(0))
    await expectEngine(engine, `/containers/${name}?force=1`, { method: "DELETE" });
});

interface Options {
  readonly name?: string;
  readonly hostConfig?: object;
  readonly labels?: object;
}

/** Starts a container that runs a line of JavaScript until the test is over, and gives its name. */
export async function startContainer(
  script = "setInterval(() => {}, 1000)",
  { name = `ascend-pd-test-${randomUUID()}`, hostConfig, labels }: Options = {},
): Promise<string> {
  const Image = process.env.ASCEND_PD_NODE_IMAGE;
  if (Image === undefined)
    throw new Error("these tests need the toolchain: run them with `npm run test:machine`");
  const json = {
    Image,
    Entrypoint: ["node", "-e", script],
    Labels: { ...labels, "ascend-pd.test-run": tmpdir() },
    HostConfig: { NetworkMode: "host", ...hostConfig },
  };
  await expectEngine(engine, `/containers/create?name=${name}`, { method: "POST", json });
  containers.push(name);
  await expectEngine(engine, `/containers/${name}/start`, { method: "POST" });
  return name;
}

/** `stop`, `pause`, … */
export const command = (name: string, verb: string) =>
  expectEngine(engine, `/containers/${name}/${verb}`, { method: "POST" });

export const logOf = (name: string) => expectEngine(engine, `/containers/${name}/logs?stdout=1`);
