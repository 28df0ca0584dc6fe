import { expect, test } from "vitest";
import { schedulerLimits } from "./scheduler-limits.ts";

test("The scheduler's container may have what its flags say that all requests together may, and what it needs itself.", () => {
  const flags = ["--workers=4", "--max-connections", "1000", "--max_buffered_bytes=1048576"];

  expect(schedulerLimits([])).toEqual({ memoryMib: 512 + 64 + 1024 + 512 });
  expect(schedulerLimits([...flags, "--max-connections=1024"])).toEqual({ memoryMib: 512 + 4 * 64 + 64 + 2 });
});

test("What the scheduler refuses counts as its default.", () => {
  expect(schedulerLimits(["--workers=many", "--max-buffered-bytes"])).toEqual(schedulerLimits([]));
});
