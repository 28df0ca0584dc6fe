import { z } from "zod";
import type { Problem } from "../problems/problem.ts";
import { type EngineKinds, engineKinds, engineSchemaOf } from "./engines/index.ts";
import { acknowledgeableCodes } from "./rules/index.ts";
import { withoutCredentials } from "./stack-file/credential-problems.ts";
import { placeholderProblems } from "./stack-file/placeholders.ts";
import { schedulerHostProblems } from "./stack-file/scheduler-host.ts";
import { declaredShape } from "./stack-file/schema.ts";
import { secretProblems } from "./stack-file/secret-problems.ts";
import { severalHostsProblems } from "./stack-file/several-hosts.ts";
import { shapeProblems } from "./stack-file/shape-problems.ts";
import { sizeProblems } from "./stack-file/size-problems.ts";
import { newestVersion, stackFileVersions, versionProblems } from "./stack-file/version-problems.ts";
import { text } from "./stack-file/words.ts";

const version = z
  .enum(stackFileVersions)
  .default(newestVersion)
  .describe(
    `version of stack files that this one keeps to, in quotes: a program that reads only older ones refuses it, default "${newestVersion}"`,
  );

const allow = z
  .array(
    z.strictObject({
      code: z
        .enum(acknowledgeableCodes)
        .describe("code of a warning, or of an error that may be meant, e.g. PD104"),
      reason: text("why it is meant, for those who read the file later"),
    }),
  )
  .default([])
  .describe(
    "problems that are meant and not shown again, e.g. [{ code: PD104, reason: prefill-1 has half the load }], default none",
  );

/** What a stack file may hold where there are engines of these kinds. */
export const stackFileSchemaOf = (kinds: EngineKinds) =>
  z
    .strictObject({ version, engine: engineSchemaOf(kinds), ...declaredShape, allow })
    .describe("a PD-separated deployment");

export const stackFileSchema = stackFileSchemaOf(engineKinds);

/** What a valid `ascend-pd:deployment` holds, defaults filled in and its engine made. */
export type StackFile = z.infer<typeof stackFileSchema>;

/** The JSON Schema of what a user writes. */
export function stackFileJsonSchema(schema = stackFileSchema) {
  return z.toJSONSchema(schema, { io: "input" });
}

/** Checks the shape of `input`: everything that no valid deployment can hold, at once, in order of place. */
export function parseStackFile(
  input: unknown,
  schema = stackFileSchema,
): { file: StackFile } | { problems: Problem[] } {
  const size = sizeProblems(input);
  if (size.length > 0) return { problems: size };
  const ofVersion = versionProblems(input);
  if (ofVersion.length > 0) return { problems: ofVersion };
  const { clean, problems: credentials } = withoutCredentials(input);
  const finders = [placeholderProblems, severalHostsProblems, schedulerHostProblems, secretProblems];
  const others = finders.flatMap((find) => find(clean));
  const special = [...credentials, ...others];
  const result = schema.safeParse(clean);
  if (result.success && special.length === 0) return { file: result.data };
  const known = new Set(special.map(({ path }) => path));
  const shape = result.success ? [] : shapeProblems(result.error.issues, clean, stackFileJsonSchema(schema));
  const problems = [...shape.filter(({ path }) => !known.has(path)), ...special];
  return { problems: problems.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}
