import { z } from "zod";
import type { Problem } from "../problems/problem.ts";
import { acknowledgeableCodes } from "./rules/index.ts";
import { withoutCredentials } from "./stack-file/credential-problems.ts";
import { placeholderProblems } from "./stack-file/placeholders.ts";
import { deploymentSchema } from "./stack-file/schema.ts";
import { secretProblems } from "./stack-file/secret-problems.ts";
import { severalHostsProblems } from "./stack-file/several-hosts.ts";
import { shapeProblems } from "./stack-file/shape-problems.ts";
import { text } from "./stack-file/words.ts";

export const stackFileSchema = z
  .strictObject({
    ...deploymentSchema.shape,
    allow: z
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
      ),
  })
  .describe("a PD-separated deployment");

/** What a valid `ascend-pd:deployment` holds, defaults filled in. */
export type StackFile = z.infer<typeof stackFileSchema>;

/** The JSON Schema of what a user writes. */
export function stackFileJsonSchema() {
  return z.toJSONSchema(stackFileSchema, { io: "input" });
}

/** Checks the shape of `input`: everything that no valid deployment can hold, at once, in order of place. */
export function parseStackFile(input: unknown): { file: StackFile } | { problems: Problem[] } {
  const { clean, problems: credentials } = withoutCredentials(input);
  const others = [placeholderProblems, severalHostsProblems, secretProblems].flatMap((find) => find(clean));
  const special = [...credentials, ...others];
  const result = stackFileSchema.safeParse(clean);
  if (result.success && special.length === 0) return { file: result.data };
  const known = new Set(special.map(({ path }) => path));
  const shape = result.success ? [] : shapeProblems(result.error.issues, clean, stackFileJsonSchema());
  const problems = [...shape.filter(({ path }) => !known.has(path)), ...special];
  return { problems: problems.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}
