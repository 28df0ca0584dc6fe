import { readdirSync, readFileSync } from "node:fs";
import { type Document, LineCounter, parseDocument } from "yaml";

/** A mistake of the user's: shown as it is, without a stack. */
export class UserError extends Error {}

export interface StackFile {
  /** Path from the project's root, for messages. */
  readonly where: string;
  /** The value of `ascend-pd:deployment`, not yet checked; undefined when the file has none. */
  readonly deployment: unknown;
}

/** Reads `stacks/Pulumi.<stack>.yaml`. Throws UserError with line and column, or with the stacks there are. */
export function readStackFile(stack: string, folder = "stacks"): StackFile {
  const where = `${folder}/Pulumi.${stack}.yaml`;
  const lines = new LineCounter();
  const document = parseDocument(readText(where, folder), { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new UserError(`${where}:${line}:${col}: ${error.message}\nfix: mend the YAML at that place`);
  }
  const content = resolved(document, where);
  return { where, deployment: asRecord(asRecord(content).config)["ascend-pd:deployment"] };
}

/** Aliases show only here whether there is what they stand for. */
function resolved(document: Document, where: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new UserError(`${where}: ${(error as Error).message}\nfix: write out what the alias stands for`);
  }
}

function readText(where: string, folder: string): string {
  try {
    return readFileSync(where, "utf8");
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
