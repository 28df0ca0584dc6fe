import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { afterEach, vi } from "vitest";
import { defaultHost, expectEngine } from "../../docker/api.ts";
import { type RunResult, tryRun } from "../../system/programs.ts";
import type { ProbeArguments } from "../probes/arguments.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const engine = process.env.DOCKER_HOST || defaultHost;
const containers: string[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  for (const name of containers.splice(0)) await removeContainer(name);
});

/** Runs a probe as `pulumi up` does: a process of its own, told what to do by PROBE. */
export function runProbe<Name extends keyof ProbeArguments>(
  name: Name,
  args: ProbeArguments[Name],
  input = "",
): Promise<RunResult> {
  return tryRun(process.execPath, [`components/probes/${name}.ts`], {
    env: { ...process.env, PROBE: JSON.stringify(args) },
    input,
  });
}

/** Starts a container that runs a line of JavaScript, and gives its name. It is removed after the test. */
export async function startContainer(
  script: string,
  hostConfig: object = {},
  labels: object = {},
): Promise<string> {
  const image = process.env.ASCEND_PD_NODE_IMAGE;
  if (image === undefined)
    throw new Error("these tests need the toolchain: run them with `npm run test:unit`");
  const name = `ascend-pd-probe-${randomUUID()}`;
  containers.push(name);
  await expectEngine(engine, `/containers/create?name=${name}`, {
    method: "POST",
    json: {
      Image: image,
      Entrypoint: ["node", "-e", script],
      Labels: { ...labels, "ascend-pd.test-run": tmpdir() },
      HostConfig: { NetworkMode: "host", ...hostConfig },
    },
  });
  await expectEngine(engine, `/containers/${name}/start`, { method: "POST" });
  return name;
}

export async function stopContainer(name: string): Promise<void> {
  await expectEngine(engine, `/containers/${name}/stop?t=0`, { method: "POST" });
}

async function removeContainer(name: string): Promise<void> {
  await expectEngine(engine, `/containers/${name}?force=1`, { method: "DELETE" });
}

export function logOf(name: string): Promise<string> {
  return expectEngine(engine, `/containers/${name}/logs?stdout=1`);
}

/** An HTTP server of the test's own; gives its address, `unix://` with a path. It is closed after the test. */
export async function serve(listener: RequestListener, path?: string): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(path ?? { port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  return typeof address === "string" ? `unix://${address}` : `http://127.0.0.1:${address?.port}`;
}

/** An address at which nobody listens. */
export async function deadUrl(): Promise<string> {
  const url = await serve(() => {});
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return url;
}
