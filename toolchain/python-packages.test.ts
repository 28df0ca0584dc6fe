import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { FixableError } from "../problems/fixable-error.ts";
import { withUv } from "./python-packages.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test("Who has neither uv nor a Python with venv, and may not install one, is told what to install.", async () => {
  vi.stubEnv("PATH", mkdtempSync(join(tmpdir(), "ascend-pd-test-")));
  vi.spyOn(process, "geteuid").mockReturnValue(1000);
  const body = vi.fn<() => Promise<void>>();

  const asked = withUv({ cacheDir: "/nowhere", say: () => {} }, body);

  await expect(asked).rejects.toThrow(FixableError);
  await expect(asked).rejects.toMatchObject({ fix: expect.stringContaining("apt-get install python3-venv") });
  expect(body).not.toHaveBeenCalled();
});
