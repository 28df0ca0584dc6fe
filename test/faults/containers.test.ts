import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectEngine } from "../../docker/api.ts";
import {
  expectConverged,
  expectFailure,
  expectNoChanges,
  idsOf,
  isRunning,
  removeForeign,
  startForeign,
  stateOf,
  up,
} from "../testing/faults.ts";
import {
  docker,
  fileOf,
  inspectContainer,
  loading,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "../testing/stacks.ts";

// What goes wrong with containers on one machine; each test leaves the stack as it should be. A container of somebody
// else stands by all the while, and must be none the worse for it.
const name = "faults-containers";
const base = simulated1p1d(18500);
const [decode] = base.decode;
const prefill0 = `${name}-prefill-0`;
const decode0 = `${name}-decode-0`;
const scheduler = `${name}-scheduler`;
const bystander = `${name}-of-somebody-else`;
let stack: TestStack;
let bystanderId: string;

beforeAll(async () => {
  stack = await testStack(name);
  bystanderId = await startForeign(bystander);
});

afterAll(async () => {
  const unharmed = await isRunning(bystanderId);
  await removeForeign(bystander);
  await removeForeign(prefill0);
  await stack.dispose();
  expect(unharmed).toBe(true);
});

/** Somebody else's web server on a port, ready by its own account. */
async function foreignServer(port: number) {
  const server = createServer((_request, response) => response.end("ready")).listen(port, "127.0.0.1");
  await once(server, "listening");
  return { close: () => new Promise((closed) => server.close(closed).closeAllConnections()) };
}

const mineOn = (port: number) =>
  `local: port ${port} of ${prefill0} is held by process ${process.pid} (${process.execPath})`;

test("A name that another's container has is told by preview and up; it is neither adopted nor removed.", async () => {
  await stack.configure(base);
  const id = await startForeign(prefill0);

  const preview = await stack.pulumi("preview");
  const failed = await up(stack);

  const taken = `local: the name ${prefill0} is taken by a container that is not of this stack: ${id.slice(0, 12)}`;
  expect(preview.output).toContain(`warning: ${taken}`);
  expect(preview.code).toBe(0);
  expectFailure(failed, taken, "fix: on local, `docker rename");
  expect(await isRunning(id)).toBe(true);
  expect(await idsOf(name)).toEqual({});
  await removeForeign(prefill0);
});

test("A port that another process holds is told by preview and up before anything starts.", async () => {
  const server = await foreignServer(18500);

  const preview = await stack.pulumi("preview");
  const failed = await up(stack);

  expect(preview.output).toContain(`warning: ${mineOn(18500)}`);
  expectFailure(failed, mineOn(18500), "fix: stop that on local, or give");
  expect(await idsOf(name)).toEqual({});
  await server.close();
});

test("With name and port free again, up converges and a third one has nothing to do.", async () => {
  await expectConverged(stack);

  expect(Object.keys(await idsOf(name))).toEqual([decode0, prefill0, scheduler]);
});

test("An instance that ends at once is told with its last words; the others keep running.", async () => {
  const before = await idsOf(name);
  await stack.configure({ ...base, decode: [{ ...decode, extraArgs: ["--kv-lookup=nonsense"] }] });

  const failed = await up(stack);

  expectFailure(
    failed,
    `${decode0} on local ended `,
    /times before it was ready\n.*its last words:/,
    '--kv-lookup is "nonsense"',
  );
  expect(failed.output).toContain("fix: mend the cause and run `pulumi up` again");
  const after = await idsOf(name);
  expect(after[prefill0]).toBe(before[prefill0]);
  expect(after[scheduler]).toBe(before[scheduler]);
  await stack.configure(base);
  await expectConverged(stack);
});

test("An instance that is not ready in time is told with the address and what came from it.", async () => {
  // A model that loads for ever: Node waits before it runs the simulator.
  const forEver = "--import=data:text/javascript,setInterval(()=>{},1000);await(new(Promise)(()=>{}))";
  await stack.configure({
    ...base,
    engine: { ...base.engine, startTimeoutSeconds: 4 },
    decode: [{ ...decode, extraEnv: { NODE_OPTIONS: forEver } }],
  });

  const failed = await up(stack);

  expectFailure(failed, `${decode0} on local was not ready within 4 s: http://127.0.0.1:18501/health gave `);
  expect(await isRunning(decode0)).toBe(true);
  await stack.configure(base);
  await expectConverged(stack);
});

test("A container that was removed by hand is made again by up --refresh, and only that one.", async () => {
  const before = await idsOf(name);
  await expectEngine(docker, `/containers/${decode0}?force=1`, { method: "DELETE" });

  await expectConverged(stack, "--refresh");

  const after = await idsOf(name);
  expect(after[decode0]).not.toBe(before[decode0]);
  expect({ ...after, [decode0]: "" }).toEqual({ ...before, [decode0]: "" });
});

test("A container that was stopped by hand is started again by up --refresh.", async () => {
  const before = await idsOf(name);
  await expectEngine(docker, `/containers/${decode0}/stop`, { method: "POST" });

  await expectConverged(stack, "--refresh");

  expect(await isRunning(decode0)).toBe(true);
  expect(await idsOf(name)).toEqual(before);
});

test("A limit that was set by hand is taken back by up --refresh.", async () => {
  await expectEngine(docker, `/containers/${decode0}/update`, {
    method: "POST",
    json: { RestartPolicy: { Name: "no" } },
  });

  await expectConverged(stack, "--refresh");

  expect((await inspectContainer(decode0)).HostConfig.RestartPolicy.Name).toBe("unless-stopped");
});

test("A rank table that was edited in its container is not seen by refresh, and comes back by --replace.", async () => {
  const [{ path = "", content = "" } = {}] = planOf(name, base).containers[1]?.files ?? [];
  const { State } = await inspectContainer(decode0);
  await writeFile(`/proc/${State.Pid}/root${path}`, "{}");
  await expectNoChanges(stack);

  const { code, output } = await up(stack, "--refresh", "--replace", await urnOf(decode0));

  expect(code, output).toBe(0);
  expect((await fileOf(decode0, path)).content).toBe(content);
  await expectNoChanges(stack);
});

async function urnOf(container: string): Promise<string> {
  const { resources } = JSON.parse(await stateOf(stack)).deployment;
  return resources.find(({ urn }: { urn: string }) => urn.endsWith(`Container::${container}`)).urn;
}

test("A port that somebody takes while an instance is replaced is told at its gate, at once.", async () => {
  // Between the check of `up` and the new container's start nobody can look; so the gate looks again.
  await stack.configure({ ...base, prefill: [{ ...base.prefill[0], port: 18508, extraEnv: loading(5) }] });
  const taken = takenOnceGone(prefill0, 18508);

  const failed = await up(stack);

  expectFailure(failed, mineOn(18508), "fix: stop that on local");
  await (await taken).close();
  await expectConverged(stack);
});

async function takenOnceGone(container: string, port: number) {
  const { Id: before } = await inspectContainer(container);
  while ((await inspectContainer(container)).Id === before)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return foreignServer(port);
}

test("Destroy stops the scheduler before any instance.", async () => {
  const { code, output } = await stack.pulumi("destroy", "--yes", "--skip-preview");

  const deleted = [...output.matchAll(/Container (\S+) deleted/g)].map(([, container]) => container);
  expect(code).toBe(0);
  expect(deleted[0]).toBe(scheduler);
  expect(deleted.slice(1).sort()).toEqual([decode0, prefill0]);
  expect(await idsOf(name)).toEqual({});
});
