import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type StartedPlugin, startPlugin } from "../testing/started-plugin.ts";
import { type StartedSshd, startSshd } from "./started-sshd.ts";
import type { PropertyMap } from "./values.ts";

/** For the tests of a file: the plugin, and an sshd that it can log in to. A folder for each test. */
export function overSsh() {
  let plugin: StartedPlugin;
  let host: StartedSshd;
  let folder: string;

  beforeAll(async () => {
    [plugin, host] = await Promise.all([startPlugin(), startSshd()]);
  });
  afterAll(() => Promise.all([plugin?.stop(), host?.stop()]));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "remote-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Inputs as `check` completes them, with changes to the connection. */
  async function checked(
    type: string,
    inputs: PropertyMap,
    connection: PropertyMap = {},
  ): Promise<PropertyMap> {
    const result = await plugin.check(type, { connection: { ...host.connection, ...connection }, ...inputs });
    expect(result.failures).toEqual([]);
    return result.inputs;
  }

  return {
    get plugin() {
      return plugin;
    },
    get host() {
      return host;
    },
    get folder() {
      return folder;
    },
    checked,
  };
}
