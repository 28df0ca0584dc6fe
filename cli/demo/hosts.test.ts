import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { runningHosts } from "./hosts.ts";

const state = inTemporaryFolder();

afterEach(() => vi.unstubAllEnvs());

test("Hosts are recorded in the state folder, and where their agent is does not come from the record.", async () => {
  vi.stubEnv("ASCEND_PD_STATE", state());
  await mkdir(join(state(), "hosts/sim-2p2d-four-hosts"), { recursive: true });
  await writeFile(join(state(), "hosts/sim-2p2d-four-hosts/hosts.json"), "[]");

  const found = await runningHosts("sim-2p2d-four-hosts");

  expect(found?.env).toEqual({ SSH_AUTH_SOCK: expect.stringMatching(/^\/run\/ascend-pd\/\w+\/agent$/) });
});

test("The socket of the agent has a short path however long the state folder's is.", async () => {
  const deep = join(state(), ..."0123456789".split("").map((digit) => digit.repeat(20)));
  vi.stubEnv("ASCEND_PD_STATE", deep);
  await mkdir(join(deep, "hosts/four"), { recursive: true });
  await writeFile(join(deep, "hosts/four/hosts.json"), "[]");

  const found = await runningHosts("four");

  expect(found?.env.SSH_AUTH_SOCK?.length).toBeLessThan(108);
});
