import { headNameOf } from "../../planning/member-name.ts";
import { shortName } from "../../planning/short-name.ts";
import { type Container, type Difference, inOrder, type Operation } from "../differences/change.ts";
import { asArray, asObject } from "../differences/properties.ts";
import { maskText } from "../differences/secrets.ts";
import { UserError } from "../user-error.ts";
import { type State, type Step, stackType, toChanges } from "./fold-steps.ts";

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
  const all: Raw[] = steps.map(asObject);
  const touched = merged(all.flatMap((raw, index) => stepOf(raw, `${name}: steps[${index}]`)));
  const stack = /^urn:pulumi:(.*?)::/.exec(String(all[0]?.urn))?.[1];

  const errors = messages(diagnostics, "error");
  if (errors.length > 0) return { stack, errors };
  const roots = all.filter(({ urn }) => String(urn).includes(`::${stackType}::`));
  if (roots.length > 0 && roots.every(({ op }) => op === "refresh"))
    throw new UserError(
      `${name} comes from \`pulumi refresh\`, which does not say what an \`up\` would do\nfix: use \`pulumi preview --refresh --json\``,
    );
  const counted = Object.entries(asObject(changeSummary)).some(
    ([operation, count]) => operations[operation] !== undefined && count !== 0,
  );
  if (counted && touched.length === 0)
    throw new UserError(`${name} counts changes but lists none\nfix: write it again, with its steps`);
  if (stack === undefined)
    throw new UserError(`${name} names no stack\nfix: give the output of \`pulumi preview --json\` as it is`);

  return {
    source: "preview",
    stack,
    changes: inOrder(toChanges(touched)),
    containers: containersOf(
      roots.find(({ op }) => op !== "refresh"),
      stack,
    ),
    warnings: messages(diagnostics, "warning"),
  };
}

type Raw = Readonly<Record<string, unknown>>;

function stepOf(raw: Raw, at: string): Step[] {
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
  const { inputs, urn, provider = stepProvider } = asObject(state);
  // A provider's reference is its URN and its id.
  const name = typeof provider === "string" ? provider.split("::").at(-2) : undefined;
  return { isThere: inputs !== undefined, urn: String(urn), inputs: asObject(inputs), provider: name };
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

/** The root's outputs in the state name the containers that the last `up` left. */
function containersOf(root: Raw | undefined, stack: string): Container[] {
  const containers = asArray(asObject(asObject(root?.oldState).outputs).containers);
  return containers.flatMap((container) => {
    // Before instances had names, the outputs had no more than those.
    const { name, role } = typeof container === "string" ? ofPlace(container) : asObject(container);
    const isRole = role === "prefill" || role === "decode" || role === "scheduler";
    const isInstance = typeof name === "string" && isRole && headNameOf(name) === name;
    return isInstance ? [{ role, name: shortName(name, stack) }] : [];
  });
}

const ofPlace = (name: string) => ({ name, role: /(prefill|decode)(?=-\d+$)|scheduler$/.exec(name)?.[0] });

function messages(diagnostics: unknown, severity: string): string[] {
  return asArray(diagnostics).flatMap((diagnostic) => {
    const { severity: own, message } = asObject(diagnostic);
    if (own !== severity || typeof message !== "string") return [];
    return [maskText(message.slice(0, 20_000)).trim()];
  });
}
