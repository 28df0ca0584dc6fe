import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultHost } from "../docker/api.ts";
import { run } from "../system/programs.ts";
import { makeOwnFolder } from "../toolchain/own-folder.ts";
import { localBackend } from "../toolchain/state.ts";
import { UserError } from "./user-error.ts";

/** A stack of the local backend that a command of ours drives, and what `pulumi` needs to be told about it. */
export interface LocalStack {
  readonly name: string;
  /** `--stack` and `--config-file`, for every `pulumi` command that reads the stack's configuration. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the backend. */
  readonly backend: string;
  /** Holds the copy of the stack file that `pulumi` reads. */
  readonly folder: string;
}

/**
 * Makes the stack in the local backend below `state` if it is not there. Pulumi writes its encryption salt into the
 * file that it reads the configuration from, so it is given a copy: the clone stays clean. Throws UserError where the
 * stack was made on another Docker Engine: on this one its containers would look lost, and be made a second time.
 */
export async function openStack(
  name: string,
  stackFile: string,
  state: string,
  toolchainEnv: NodeJS.ProcessEnv,
): Promise<LocalStack> {
  const backend = join(state, "pulumi");
  const folder = folderOf(name, state);
  const configFile = join(folder, `Pulumi.${name}.yaml`);
  const env: NodeJS.ProcessEnv = {
    ...toolchainEnv,
    PULUMI_BACKEND_URL: localBackend(backend),
    PULUMI_CONFIG_PASSPHRASE: "",
  };
  await makeOwnFolder(state, "ASCEND_PD_STATE");
  await mkdir(backend, { recursive: true });
  await mkdir(folder, { recursive: true });
  await keepToOneEngine(name, join(folder, "engine"), env.DOCKER_HOST || defaultHost);

  const isNew = !existsSync(configFile);
  const salt = isNew ? undefined : /^encryptionsalt:.*$/m.exec(readFileSync(configFile, "utf8"))?.[0];
  await writeFile(join(folder, "Pulumi.yaml"), "name: ascend-pd\nruntime: nodejs\n");
  await run("pulumi", ["-C", folder, "stack", "select", "--create", "--stack", name], { env });
  await writeFile(configFile, salt === undefined ? stackFile : `${stackFile.trimEnd()}\n${salt}\n`);
  return { name, args: ["--stack", name, "--config-file", configFile], env, backend, folder };
}

async function keepToOneEngine(name: string, record: string, engine: string): Promise<void> {
  const former = await readFile(record, "utf8").catch(() => "");
  if (former !== "" && former !== engine) {
    throw new UserError(
      `${name} was brought up on the Docker Engine at ${former}, and this is the one at ${engine}\n` +
        `fix: set DOCKER_HOST=${former}; to move it, take it down there first`,
    );
  }
  await writeFile(record, engine);
}

/** Whether `openStack` has made this stack, and `closeStack` has not taken it away. */
export function isOpen(name: string, state: string): boolean {
  return existsSync(folderOf(name, state));
}

/** Forgets a stack that has no resources any more; with `force`, also one that the state gives some. */
export async function closeStack(
  { name, folder, env }: LocalStack,
  { force } = { force: false },
): Promise<void> {
  const flags = ["--yes", ...(force ? ["--force"] : [])];
  await run("pulumi", ["-C", folder, "stack", "rm", ...flags, "--stack", name], { env });
  await rm(folder, { recursive: true });
}

function folderOf(name: string, state: string): string {
  return join(state, "stacks", name);
}
