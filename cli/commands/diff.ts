import { visible } from "../../problems/text.ts";
import { type Command, mistakesEndWith1, parseOptions } from "../command.ts";
import { failureMarkdown, markdownOf } from "../diff/markdown.ts";
import { meaningOf } from "../diff/meaning.ts";
import { nameOf, readDocument } from "../diff/read-document.ts";
import { comparePlans, isPlan, readPlan } from "../diff/read-plans.ts";
import { type FailedPreview, isPreview, readPreview } from "../diff/read-preview.ts";
import type { Difference } from "../differences/change.ts";
import { complain, print } from "../print.ts";
import { UserError } from "../user-error.ts";

const OPTIONS = { json: { type: "boolean" } } as const;

export const diff: Command = {
  summary: "say what a change means, from a preview or from two Plans",
  usage: `usage: ascend-pd diff PREVIEW [--json]
       ascend-pd diff OLD-PLAN NEW-PLAN [--json]

Says in Markdown what \`pulumi up\` would mean: which instances restart, why, and what stays untouched; then a line for
each thing that changes; then, folded away, every property. At most 60,000 characters, so that it fits a comment.
Secrets are never shown. \`-\` is the standard input.

  PREVIEW   what \`pulumi preview --json\` printed
  …-PLAN    what \`ascend-pd plan STACK --json\` printed; what an \`up\` would do is then predicted, without an engine
  --json    print {"source", "stack", "meaning", "changes", "warnings"}, or {"errors"}

examples:
  pulumi preview --stack 2p2d --json > preview.json; ascend-pd diff preview.json
  pulumi preview --stack 2p2d --refresh --json | ascend-pd diff -
  ascend-pd plan 2p2d --json | ascend-pd diff test/golden/2p2d.plan.json -

exit codes: 0 no change, 2 changes, 1 any error: the preview failed, a file cannot be read, the command line is wrong`,
  options: OPTIONS,
  operands: ["file"],
  run: mistakesEndWith1(show),
};

async function show(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(args, OPTIONS);
  const result = await read(positionals);
  print(values.json ? JSON.stringify(machineReadable(result), undefined, 2) : text(result).trimEnd());
  if ("errors" in result) {
    complain(
      `error: the preview failed\nfix: mend what it says; what a policy says stands only without --json`,
    );
    return 1;
  }
  return result.changes.length > 0 ? 2 : 0;
}

async function read(files: readonly string[]): Promise<Difference | FailedPreview> {
  const [first, second, ...more] = files;
  if (first === undefined) throw new UserError("PREVIEW is missing\nfix: --help shows what there is");
  if (more.length > 0) throw new UserError(`one file too many: ${more.join(" ")}`);
  if (first === "-" && second === "-") throw new UserError("only one file can be the standard input");
  const document = await readDocument(first);
  if (second === undefined) {
    if (isPreview(document)) return readPreview(document, nameOf(first));
    const what = isPlan(document) ? "is a Plan: a second one is needed" : "is no preview";
    throw new UserError(
      `${nameOf(first)} ${what}\nfix: give the output of \`pulumi preview --json\`, or two of \`ascend-pd plan STACK --json\``,
    );
  }
  return comparePlans(
    readPlan(document, nameOf(first)),
    readPlan(await readDocument(second), nameOf(second)),
  );
}

function text(result: Difference | FailedPreview): string {
  return "errors" in result ? failureMarkdown(result.stack, result.errors) : markdownOf(result);
}

function machineReadable(result: Difference | FailedPreview): object {
  if ("errors" in result) return result;
  const { source, stack, changes, warnings } = result;
  return { source, stack, meaning: meaningOf(result, visible), changes, warnings };
}
