import { tmpdir } from "node:os";
import { expect } from "vitest";
import { callEngine, expectEngine } from "../../docker/api.ts";
import { run } from "../../system/programs.ts";
import { containersOf, docker, inspectContainer, type TestStack } from "./stacks.ts";

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export const up = (stack: TestStack, ...more: string[]): Promise<Outcome> =>
  stack.pulumi("up", "--yes", "--skip-preview", ...more);

/** Pulumi's state, as it is kept. */
export function stateOf(stack: TestStack): Promise<string> {
  return run("pulumi", ["stack", "export", "--stack", stack.name], { env: stack.local().env });
}

/** That an `up` succeeds where one has failed, and that the next would change nothing. */
export async function expectConverged(stack: TestStack, ...more: string[]): Promise<void> {
  const mended = await up(stack, ...more);
  expect(mended.code, mended.output).toBe(0);
  await expectNoChanges(stack);
}

export async function expectNoChanges(stack: TestStack): Promise<void> {
  const { code, output } = await stack.pulumi("preview", "--expect-no-changes");
  expect(code, output).toBe(0);
}

/** That a run failed with this text for its user, and without a stack trace. */
export function expectFailure({ code, output }: Outcome, ...texts: (string | RegExp)[]): void {
  for (const text of texts) expect(output).toMatch(text);
  expect(output).not.toMatch(/^\s+at \S+ \(/m);
  expect(code).not.toBe(0);
}

/** Ids by name of a stack's containers that run, or of all. */
export async function idsOf(stack: string, engine = docker): Promise<Record<string, string>> {
  const names = await containersOf(stack, engine);
  const states = await Promise.all(names.map((name) => inspectContainer(name, engine)));
  return Object.fromEntries(states.map(({ Id }, index) => [names[index] ?? "", Id]));
}

/** Starts a container of nobody's stack; gives its id. */
export async function startForeign(name: string, hostConfig: object = {}, engine = docker): Promise<string> {
  await removeForeign(name, engine);
  const created = await expectEngine(engine, `/containers/create?name=${name}`, {
    method: "POST",
    json: {
      Image: process.env.ASCEND_PD_NODE_IMAGE,
      Entrypoint: ["node", "-e", "setInterval(() => {}, 1000)"],
      Labels: { "ascend-pd.test-run": tmpdir() },
      HostConfig: { NetworkMode: "host", ...hostConfig },
    },
  });
  const { Id } = JSON.parse(created);
  await expectEngine(engine, `/containers/${Id}/start`, { method: "POST" });
  return Id;
}

export async function removeForeign(name: string, engine = docker): Promise<void> {
  await callEngine(engine, `/containers/${name}?force=1`, { method: "DELETE" });
}

export async function isRunning(id: string, engine = docker): Promise<boolean> {
  return (await inspectContainer(id, engine)).State?.Running === true;
}
