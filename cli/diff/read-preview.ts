import { UserError } from "../stack-file.ts";
import { type Difference, inOrder, type Operation } from "./change.ts";
import { type State, type Step, stackType, toChanges } from "./fold-steps.ts";
import { asArray, asObject } from "./properties.ts";
import { maskText } from "./secrets.ts";

/** Pulumi's operations; those that touch nothing are undefined. An unknown one is refused: it could be a change. */
const operations: Readonly<Record<string, Operation | undefined>> = {
  create: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  "remove-pending-replace": "replace",
  same: undefined,
  refresh: undefined,
  read: undefined,
  "read-replacement": undefined,
  discard: undefined,
  "discard-replaced": undefined,
};

/** A preview that failed: what the engine says, and no word on changes. */
export interface FailedPreview {
  readonly stack: string | undefined;
  readonly errors: readonly string[];
}

/** Whether it is the document of `pulumi preview --json`, by its shape. */
export function isPreview(document: unknown): boolean {
  const { steps, changeSummary, diagnostics } = asObject(document);
  return Array.isArray(steps) || typeof changeSummary === "object" || Array.isArray(diagnostics);
}

/** The document of `pulumi preview --json`; `name` is what messages call it. Throws UserError. */
export function readPreview(document: unknown, name: string): Difference | FailedPreview {
  const { steps = [], diagnostics, changeSummary } = asObject(document);
  if (!Array.isArray(steps)) throw new UserError(`${name}: steps is not a list\nfix: write it again`);
  const read = steps.map((step, index) => ({ raw: asObject(step), at: `${name}: steps[${index}]` }));
  const touched = merged(read.flatMap(({ raw, at }) => stepOf(raw, at)));
  const stack = touched[0]?.stack ?? stackOf(read.map(({ raw }) => raw.urn).find((urn) => urn !== undefined));

  const errors = messages(diagnostics, "error");
  if (errors.length > 0) return { stack, errors };
  refuseRefresh(
    read.map(({ raw }) => raw),
    name,
  );
  const counted = Object.entries(asObject(changeSummary)).filter(
    ([operation, count]) => operations[operation] !== undefined && count !== 0,
  );
  if (counted.length > 0 && touched.length === 0)
    throw new UserError(`${name} counts changes but lists none\nfix: write it again, with its steps`);
  if (stack === undefined)
    throw new UserError(`${name} names no stack\nfix: give the output of \`pulumi preview --json\` as it is`);

  return {
    source: "preview",
    stack,
    changes: inOrder(toChanges(touched)),
    containers: containersOf(read.map(({ raw }) => raw)),
    warnings: messages(diagnostics, "warning"),
  };
}

function stepOf(raw: Readonly<Record<string, unknown>>, at: string): Step[] {
  const { op, urn, provider, oldState, newState } = raw;
  if (typeof op !== "string" || !Object.hasOwn(operations, op))
    throw new UserError(
      `${at}.op is ${typeof op === "string" ? JSON.stringify(op.slice(0, 40)) : "missing"}, which is no operation known here\nfix: compare two Plans instead (ascend-pd plan STACK --json)`,
    );
  const parts = typeof urn === "string" ? urn.split("::") : [];
  const [prefix, , types, ...nameParts] = parts;
  if (types === undefined || nameParts.length === 0)
    throw new UserError(`${at}.urn is no resource name\nfix: write it again`);
  const operation = operations[op];
  if (operation === undefined) return [];
  const reasons = [...asArray(raw.diffReasons), ...asArray(raw.replaceReasons)];
  return [
    {
      operation,
      name: nameParts.join("::"),
      stack: prefix?.replace(/^urn:pulumi:/, "") ?? "",
      types: types.split("$"),
      old: stateOf(oldState, provider),
      new: stateOf(newState, provider),
      reasons: reasons.filter((reason) => typeof reason === "string"),
    },
  ];
}

function stateOf(state: unknown, stepProvider: unknown): State {
  const { inputs, provider = stepProvider } = asObject(state);
  // A provider's reference is its URN and its id.
  const name = typeof provider === "string" ? provider.split("::").at(-2) : undefined;
  return { isThere: inputs !== undefined, inputs: asObject(inputs), provider: name };
}

function stackOf(urn: unknown): string | undefined {
  return typeof urn === "string" ? /^urn:pulumi:(.*?)::/.exec(urn)?.[1] : undefined;
}

/** A replacement may come as several steps of one resource. */
function merged(steps: readonly Step[]): Step[] {
  const byResource = new Map<string, Step>();
  for (const step of steps) {
    const key = [...step.types, step.name].join("::");
    const other = byResource.get(key) ?? step;
    byResource.set(key, {
      ...step,
      operation: other.operation === step.operation ? step.operation : "replace",
      old: step.old.isThere ? step.old : other.old,
      new: step.new.isThere ? step.new : other.new,
      reasons: [...other.reasons, ...step.reasons],
    });
  }
  return [...byResource.values()];
}

/** What `pulumi refresh` would write into the state says nothing about what `up` would do. */
function refuseRefresh(steps: readonly Readonly<Record<string, unknown>>[], name: string): void {
  const root = steps.filter(({ urn }) => typeof urn === "string" && urn.includes(`::${stackType}::`));
  if (root.length > 0 && root.every(({ op }) => op === "refresh"))
    throw new UserError(
      `${name} comes from \`pulumi refresh\`, which does not say what an \`up\` would do\nfix: use \`pulumi preview --refresh --json\``,
    );
}

/** The root's outputs in the state: the containers that the last `up` left. */
function containersOf(steps: readonly Readonly<Record<string, unknown>>[]): string[] | undefined {
  const root = steps.find(({ urn, op }) => op !== "refresh" && String(urn).includes(`::${stackType}::`));
  if (root?.op === "create") return [];
  const names = asObject(asObject(root?.oldState).outputs).containers;
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : undefined;
}

function messages(diagnostics: unknown, severity: string): string[] {
  return asArray(diagnostics).flatMap((diagnostic) => {
    const { severity: own, message } = asObject(diagnostic);
    if (own !== severity || typeof message !== "string") return [];
    return [maskText(message.slice(0, 20_000)).trim()];
  });
}
