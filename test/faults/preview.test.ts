import { expect, test } from "vitest";
import { simulated1p1d, testStack } from "../testing/stacks.ts";

test("A preview over a local socket without an engine ends in words that name the host, before any plugin is asked.", async () => {
  const stack = await testStack("faults-preview");
  const hosts = { local: { address: "127.0.0.1", docker: "unix:///run/no-such-engine.sock" } };
  await stack.configure({ ...simulated1p1d(18560), hosts });

  const { code, output } = await stack.pulumi("preview").finally(stack.dispose);

  expect(code).not.toBe(0);
  expect(output).toContain("local: no Docker Engine answers at unix:///run/no-such-engine.sock: ");
  expect(output).toContain("without ssh:// a preview needs it too");
  expect(output).not.toContain("failed to connect to any docker daemon");
});
