import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { graph } from "./graph.ts";

afterEach(() => vi.restoreAllMocks());

/** What `ascend-pd graph …` prints. */
async function drawn(...args: string[]): Promise<string> {
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  expect(await graph.run(args)).toBe(0);
  return out.mock.calls.join("");
}

test("docs/rendering.md shows what the command prints (mend it with `npx ascend-pd graph sim-2p2d`).", async () => {
  const [, shown] = /```mermaid\n(.*?)```/s.exec(readFileSync("docs/rendering.md", "utf8")) ?? [];

  expect(shown).toBe(await drawn("sim-2p2d"));
});

test("So does docs/sim-2p2d.svg (`npx ascend-pd graph sim-2p2d --format svg > docs/sim-2p2d.svg`).", async () => {
  expect(readFileSync("docs/sim-2p2d.svg", "utf8")).toBe(await drawn("sim-2p2d", "--format", "svg"));
});

test.each([
  [["sim-2p2d", "--format", "png"], 'there is no format "png"\nfix: one of: mermaid, svg'],
  [["sim-2p2d", "--format", "toString"], 'there is no format "toString"'],
  [[], "STACK is missing"],
])("%j is refused.", (args, complaint) => {
  expect(() => graph.run(args)).toThrow(complaint);
});
