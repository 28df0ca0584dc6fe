import { readdirSync, readFileSync } from "node:fs";
import { UserError } from "./user-error.ts";
import { parseYaml } from "./yaml.ts";

export interface StackFile {
  /** Path from the project's root, for messages. */
  readonly where: string;
  /** The value of `ascend-pd:deployment`, not yet checked; undefined when the file has none. */
  readonly deployment: unknown;
}

/** Reads `stacks/Pulumi.<stack>.yaml`. Throws UserError with line and column, or with the stacks there are. */
export function readStackFile(stack: string, folder = "stacks"): StackFile {
  const where = `${folder}/Pulumi.${stack}.yaml`;
  const content = yamlValue(where, read(where, folder));
  return { where, deployment: asRecord(asRecord(content).config)["ascend-pd:deployment"] };
}

/** The value of a YAML (or JSON) file. Throws UserError with line and column. */
export function yamlValue(where: string, bytes: Uint8Array): unknown {
  const parsed = parseYaml(bytes);
  if ("value" in parsed) return parsed.value;
  const { line, column, message, fix } = parsed.mistake;
  throw new UserError(`${where}:${line}:${column}: ${message}\nfix: ${fix}`);
}

function read(where: string, folder: string): Buffer {
  try {
    return readFileSync(where);
  } catch {
    throw new UserError(
      `${where} cannot be read\nfix: choose one of the stacks there are: ${stackNames(folder).join(", ")}`,
    );
  }
}

/** Names of the stacks that have a file. */
export function stackNames(folder = "stacks"): string[] {
  const name = /^Pulumi\.(.+)\.yaml$/;
  return filesIn(folder).flatMap((file) => name.exec(file)?.[1] ?? []);
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    throw new UserError(`there is no folder ${folder} here\nfix: run this in the folder of the project`);
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
