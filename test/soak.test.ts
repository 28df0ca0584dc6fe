import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Report } from "../bench/soak/report.ts";

test("A minute of traffic while instances are killed, stopped, restarted and drained: every answer is exact, nothing is left.", async () => {
  const args = ["bench/soak/main.ts", "--minutes=1", "--every=5", "--seed=3", "--json"];

  const ended = await promisify(execFile)(process.execPath, args).catch((error) => error);

  const report: Report = JSON.parse(ended.stdout);
  console.log(`${report.requests} requests, ${JSON.stringify(report.endings)}`);
  expect(report.problems).toEqual([]);
  expect(report.endings.exact).toBeGreaterThan(report.requests / 2);
  expect(Object.values(report.disturbances).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(2);
});
