import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dockerRun } from "../cli/render/docker-run.ts";
import { chosenHost } from "../cli/render/host-choice.ts";
import { callEngine } from "../docker/api.ts";
import { expectedText } from "../simulator/oracle.ts";
import { onPath, tryRun } from "../system/programs.ts";
import { expectAsPlanned } from "./testing/as-planned.ts";
import { containersOf, docker, planOf, simulated1p1d } from "./testing/stacks.ts";

const name = "e2e-render";
const plan = planOf(name, simulated1p1d(18340));
const names = plan.containers.map((container) => container.name);
const tools = await Promise.all(["docker", "curl"].map((tool) => onPath(tool)));

// The rendered script, by the docker command and a real Docker Engine; each test goes on from where the one before it
// stopped. A machine may have an engine without the command; there is nothing to prove there.
describe.skipIf(tools.includes(undefined))("`ascend-pd render docker-run`, run by sh", () => {
  const script = dockerRun(plan, chosenHost(plan, undefined));
  // A proxy that answers nobody: instances are asked directly.
  const env = { ...process.env, http_proxy: "http://127.0.0.1:9" };
  const run = () => tryRun("sh", [], { input: script, env });

  beforeAll(removeAll);
  afterAll(removeAll);

  test("Without the images it says how to build them and starts nothing; done so, they are built.", async () => {
    for (const image of ["simulator", "scheduler"]) {
      const { code, stderr } = await run();
      expect(code).toBe(1);
      expect(stderr).toMatch(`error: the image ascend-pd/${image}:${name} is not on this host\n`);

      const commands = stderr.split("\n").filter((line) => line.startsWith("  "));
      const build = await tryRun("sh", ["-eu"], { input: commands.join("\n") });

      expect(build).toMatchObject({ code: 0 });
    }
    expect(await containersOf(name)).toEqual([]);
  });

  test("It brings up all containers and ends with a completion.", async () => {
    const { code, stdout, stderr } = await run();

    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      choices: [{ text: expect.stringMatching(/./) }],
    });
  });

  test("Every container is what the Plan says, as after `pulumi up`.", async () => {
    expect(await containersOf(name)).toEqual(names.toSorted());
    for (const container of plan.containers) await expectAsPlanned(name, container);
  });

  test("The scheduler gives exactly the tokens that the engines were asked for.", async () => {
    const body = '{"model":"test-model","prompt":"Exact to the token.","max_tokens":24}';

    const response = await fetch(`${plan.endpoint}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });

    expect(await response.json()).toMatchObject({ choices: [{ text: expectedText(body, 24) }] });
  });

  test("Run again, it names what is there and how to have it made anew, which then works.", async () => {
    const again = await run();
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(`error: there are containers already: ${names.join(" ")}\n`);

    const [, remedy = ""] = /made anew: (.*), then/.exec(again.stderr) ?? [];
    await tryRun("sh", [], { input: remedy });

    expect(await run()).toMatchObject({ code: 0, stderr: "" });
  });
});

async function removeAll(): Promise<void> {
  for (const container of await containersOf(name)) await remove(`/containers/${container}`);
  for (const image of ["simulator", "scheduler"]) await remove(`/images/ascend-pd/${image}:${name}`);
}

async function remove(path: string): Promise<void> {
  await callEngine(docker, `${path}?force=1`, { method: "DELETE" });
}
